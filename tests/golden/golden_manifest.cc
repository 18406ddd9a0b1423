// SPDX-License-Identifier: Apache-2.0
#include "golden_manifest.h"

#include <fmt/format.h>
#include <openssl/sha.h>
#include <simdjson.h>

#include <array>
#include <fstream>
#include <iterator>

#include "base/check.h"

namespace holdfast {
namespace {

// simdjson's accessors throw where the manifest is not as expected, which fails the test.
using Json = simdjson::dom::element;

std::string Text(Json json, const char* key) { return std::string(json[key].get_string().value()); }

std::uint32_t Number(Json json, const char* key) {
  return static_cast<std::uint32_t>(json[key].get_uint64().value());
}

Preprocessing ReadPipeline(Json json) {
  const std::string geometry = Text(json, "geometry");
  Preprocessing pipeline;
  pipeline.geometry = geometry == "stretch"            ? Geometry::kStretch
                      : geometry == "resize-then-crop" ? Geometry::kResizeThenCrop
                                                       : Geometry::kCropThenResize;
  pipeline.filter =
      Text(json, "filter") == "bicubic" ? ResizeFilter::kBicubic : ResizeFilter::kBilinear;
  pipeline.resize_side = Number(json, "resize");
  const simdjson::dom::array crop = json["crop"];
  pipeline.crop_width = static_cast<std::uint32_t>(crop.at(0).get_uint64().value());
  pipeline.crop_height = static_cast<std::uint32_t>(crop.at(1).get_uint64().value());
  return pipeline;
}

GoldenImage ReadImage(Json json) {
  GoldenImage image{.file = Text(json, "file"),
                    .sha256 = Text(json, "sha256"),
                    .kind = Text(json, "kind"),
                    .sheet = Text(json, "sheet"),
                    .sheet_sha256 = Text(json, "sheet_sha256")};
  for (const Json part : json["parts"].get_array()) {
    image.parts.push_back({.pipeline = Text(part, "pipeline"),
                           .top = Number(part, "top"),
                           .width = Number(part, "width"),
                           .height = Number(part, "height")});
  }
  return image;
}

}  // namespace

std::vector<std::uint8_t> ReadGoldenFile(const std::string& name) {
  std::ifstream stream(std::string(HOLDFAST_GOLDEN_DIR "/") + name, std::ios::binary);
  CHECK(stream.is_open());
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::string HexSha256(ByteView bytes) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(bytes.data(), bytes.size(), digest.data());
  std::string hex;
  for (const std::uint8_t byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

GoldenManifest ReadGoldenManifest() {
  const std::vector<std::uint8_t> bytes = ReadGoldenFile("manifest.json");
  simdjson::dom::parser parser;
  const Json json = parser.parse(bytes.data(), bytes.size());
  GoldenManifest manifest;
  for (const auto& [name, pipeline] : json["pipelines"].get_object()) {
    manifest.pipelines[std::string(name)] = ReadPipeline(pipeline);
  }
  for (const Json image : json["images"].get_array()) manifest.images.push_back(ReadImage(image));
  for (const Json image : json["hostile"].get_array()) {
    manifest.hostile.push_back({.file = Text(image, "file"),
                                .sha256 = Text(image, "sha256"),
                                .reason = Text(image, "reason")});
  }
  return manifest;
}

}  // namespace holdfast
