// SPDX-License-Identifier: Apache-2.0
#include "image/exif.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace holdfast {
namespace {

// exif  := order:"II"|"MM" 42:u16 first:u32 … directory
// directory at `first` := count:u16 count × entry
// entry := tag:u16 type:u16 count:u32 value:4 bytes, left-aligned
constexpr std::array<std::uint8_t, 6> kPrefix{'E', 'x', 'i', 'f', 0, 0};
constexpr std::size_t kEntrySize = 12;
constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kByte = 1;
constexpr std::uint32_t kShort = 3;
constexpr std::uint32_t kLong = 4;

// Reads integers of the block's byte order; 0 outside of it.
class TiffReader {
 public:
  TiffReader(ByteView block, bool little_endian) : block_(block), little_endian_(little_endian) {}

  std::uint32_t Read(std::size_t offset, std::size_t size) const {
    if (offset > block_.size() || block_.size() - offset < size) return 0;
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < size; ++i) {
      number = number << 8 | block_[offset + (little_endian_ ? size - 1 - i : i)];
    }
    return number;
  }

 private:
  ByteView block_;
  bool little_endian_;
};

std::uint32_t ReadValue(const TiffReader& tiff, std::size_t entry) {
  if (tiff.Read(entry + 4, 4) != 1) return 0;
  switch (tiff.Read(entry + 2, 2)) {
    case kByte:
      return tiff.Read(entry + 8, 1);
    case kShort:
      return tiff.Read(entry + 8, 2);
    case kLong:
      return tiff.Read(entry + 8, 4);
    default:
      return 0;
  }
}

}  // namespace

Orientation ReadExifOrientation(ByteView exif) {
  if (exif.size() >= kPrefix.size() && std::equal(kPrefix.begin(), kPrefix.end(), exif.begin())) {
    exif = exif.subspan(kPrefix.size());
  }
  if (exif.size() < 8 || exif[0] != exif[1] || (exif[0] != 'I' && exif[0] != 'M')) {
    return Orientation::kUpright;
  }
  const TiffReader tiff(exif, exif[0] == 'I');
  if (tiff.Read(2, 2) != 42) return Orientation::kUpright;
  const std::size_t directory = tiff.Read(4, 4);
  const std::uint32_t count = tiff.Read(directory, 2);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t entry = directory + 2 + i * kEntrySize;
    if (entry + kEntrySize > exif.size()) break;
    if (tiff.Read(entry, 2) != kOrientationTag) continue;
    const std::uint32_t value = ReadValue(tiff, entry);
    return value >= 1 && value <= 8 ? static_cast<Orientation>(value) : Orientation::kUpright;
  }
  return Orientation::kUpright;
}

}  // namespace holdfast
