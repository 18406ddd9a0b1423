// SPDX-License-Identifier: Apache-2.0
#include "image/jpeg_outline.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace holdfast {
namespace {

constexpr std::array<std::uint8_t, 6> kExif{'E', 'x', 'i', 'f', 0, 0};
constexpr std::uint8_t kStuffedZero = 0x00;
constexpr std::uint8_t kTem = 0x01;
constexpr std::uint8_t kRst0 = 0xD0;
constexpr std::uint8_t kSoi = 0xD8;
constexpr std::uint8_t kEoi = 0xD9;
constexpr std::uint8_t kSos = 0xDA;
constexpr std::uint8_t kApp1 = 0xE1;

bool StandsAlone(std::uint8_t marker) {
  return marker == kStuffedZero || marker == kTem || (marker >= kRst0 && marker <= kSoi);
}

// SOF0 … SOF15 without the three of that range that are no frame headers (DHT, JPG, DAC).
bool IsFrameHeader(std::uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

std::uint32_t Read16(ByteView bytes, std::size_t offset) {
  return static_cast<std::uint32_t>(bytes[offset] << 8 | bytes[offset + 1]);
}

// The offset just behind the next marker code at or after `offset`; past the end where none is.
// Skips entropy-coded bytes and fill bytes, as libjpeg does.
std::size_t AfterNextMarker(ByteView bytes, std::size_t offset) {
  if (offset >= bytes.size()) return bytes.size() + 1;
  const void* found = std::memchr(&bytes[offset], 0xFF, bytes.size() - offset);
  if (found == nullptr) return bytes.size() + 1;
  offset = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data());
  while (offset < bytes.size() && bytes[offset] == 0xFF) ++offset;
  return offset + 1;
}

void ReadSegment(std::uint8_t marker, ByteView payload, JpegOutline& outline) {
  if (IsFrameHeader(marker) && outline.width == 0 && payload.size() >= 5) {
    outline.height = Read16(payload, 1);
    outline.width = Read16(payload, 3);
  } else if (marker == kSos) {
    ++outline.scans;
  } else if (marker == kApp1 && outline.exif.empty() && payload.size() > kExif.size() &&
             std::equal(kExif.begin(), kExif.end(), payload.begin())) {
    outline.exif = payload;
  }
}

}  // namespace

JpegOutline OutlineJpeg(ByteView encoded, std::uint32_t scans_max) {
  JpegOutline outline;
  std::size_t offset = AfterNextMarker(encoded, 2);
  while (offset <= encoded.size() && outline.scans <= scans_max) {
    const std::uint8_t marker = encoded[offset - 1];
    if (marker == kEoi) break;
    if (!StandsAlone(marker)) {
      if (encoded.size() - offset < 2) break;
      const std::size_t length = Read16(encoded, offset);
      if (length < 2) break;
      const std::size_t present = std::min(length, encoded.size() - offset);
      ReadSegment(marker, encoded.subspan(offset + 2, present - 2), outline);
      offset += length;
    }
    offset = AfterNextMarker(encoded, offset);
  }
  return outline;
}

}  // namespace holdfast
