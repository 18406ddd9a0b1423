// SPDX-License-Identifier: Apache-2.0
#include "golden_manifest.h"

#include <fmt/format.h>
#include <openssl/sha.h>
#include <rapidjson/document.h>

#include <array>
#include <fstream>
#include <iterator>

#include "base/check.h"

namespace holdfast {
namespace {

using Json = rapidjson::Value;

std::string Text(const Json& object, const char* key) {
  CHECK(object.HasMember(key) && object[key].IsString());
  return object[key].GetString();
}

std::uint32_t Number(const Json& object, const char* key) {
  CHECK(object.HasMember(key) && object[key].IsUint());
  return object[key].GetUint();
}

Preprocessing ReadPipeline(const Json& json) {
  const std::string geometry = Text(json, "geometry");
  Preprocessing pipeline;
  pipeline.geometry = geometry == "stretch"            ? Geometry::kStretch
                      : geometry == "resize-then-crop" ? Geometry::kResizeThenCrop
                                                       : Geometry::kCropThenResize;
  pipeline.filter =
      Text(json, "filter") == "bicubic" ? ResizeFilter::kBicubic : ResizeFilter::kBilinear;
  pipeline.resize_side = Number(json, "resize");
  CHECK(json["crop"].IsArray() && json["crop"].Size() == 2);
  pipeline.crop_width = json["crop"][0].GetUint();
  pipeline.crop_height = json["crop"][1].GetUint();
  return pipeline;
}

GoldenImage ReadImage(const Json& json) {
  GoldenImage image{.file = Text(json, "file"),
                    .sha256 = Text(json, "sha256"),
                    .kind = Text(json, "kind"),
                    .sheet = Text(json, "sheet"),
                    .sheet_sha256 = Text(json, "sheet_sha256")};
  for (const Json& part : json["parts"].GetArray()) {
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
  const std::string text(bytes.begin(), bytes.end());
  rapidjson::Document json;
  json.Parse(text.data(), text.size());
  CHECK(!json.HasParseError() && json.IsObject());
  GoldenManifest manifest;
  for (const auto& [name, pipeline] : json["pipelines"].GetObject()) {
    manifest.pipelines[name.GetString()] = ReadPipeline(pipeline);
  }
  for (const Json& image : json["images"].GetArray()) manifest.images.push_back(ReadImage(image));
  for (const Json& image : json["hostile"].GetArray()) {
    manifest.hostile.push_back({.file = Text(image, "file"),
                                .sha256 = Text(image, "sha256"),
                                .reason = Text(image, "reason")});
  }
  return manifest;
}

}  // namespace holdfast
