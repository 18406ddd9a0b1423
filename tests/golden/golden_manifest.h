// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tensor/preprocessing.h"

namespace holdfast {

// One expected picture: what `pipeline` makes of an image, as a part of its sheet.
struct ExpectedPart {
  std::string pipeline;   // "decoded": the picture before any pipeline.
  std::uint32_t top = 0;  // Rows of the sheet above it, in pixels.
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

struct GoldenImage {
  std::string file;
  std::string sha256;
  std::string kind;          // As Pillow names it: "JPEG CMYK".
  std::string sheet;         // A PNG with all expected pictures, one below the other.
  std::string sheet_sha256;  // Of its RGB bytes, so that our own decoder does not vouch for itself.
  std::vector<ExpectedPart> parts;
};

struct HostileImage {
  std::string file;
  std::string sha256;
  std::string reason;  // The word of the table of errors.
};

struct GoldenManifest {
  std::map<std::string, Preprocessing> pipelines;
  std::vector<GoldenImage> images;
  std::vector<HostileImage> hostile;
};

// tests/golden/manifest.json, which make_goldens.py writes. A broken one ends the test.
GoldenManifest ReadGoldenManifest();

// A file of tests/golden.
std::vector<std::uint8_t> ReadGoldenFile(const std::string& name);

std::string HexSha256(ByteView bytes);

}  // namespace holdfast
