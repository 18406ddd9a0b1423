// SPDX-License-Identifier: Apache-2.0
#include "image/exif.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast {
namespace {

using Bytes = std::vector<std::uint8_t>;

// A block with one entry: the orientation as a 16-bit number.
Bytes LittleEndian(std::uint8_t value) {
  return {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, value, 0, 0, 0};
}
Bytes BigEndian(std::uint8_t value) {
  return {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, value, 0, 0};
}

TEST(Exif, ReadsAllEightOrientationsInBothByteOrders) {
  for (std::uint8_t value = 1; value <= 8; ++value) {
    EXPECT_EQ(ReadExifOrientation(LittleEndian(value)), static_cast<Orientation>(value));
    EXPECT_EQ(ReadExifOrientation(BigEndian(value)), static_cast<Orientation>(value));
  }
}

TEST(Exif, TakesTheBlockWithItsPrefixToo) {
  Bytes block = LittleEndian(6);
  const Bytes prefix{'E', 'x', 'i', 'f', 0, 0};
  block.insert(block.begin(), prefix.begin(), prefix.end());
  EXPECT_EQ(ReadExifOrientation(block), Orientation::kQuarterTurnClockwise);
}

TEST(Exif, IgnoresNumbersThatAreNoOrientation) {
  for (const std::uint8_t value : Bytes{0, 9, 255}) {
    EXPECT_EQ(ReadExifOrientation(LittleEndian(value)), Orientation::kUpright);
  }
}

TEST(Exif, IgnoresSeveralValuesAndForeignTypes) {
  Bytes two_values = LittleEndian(6);
  two_values[14] = 2;
  EXPECT_EQ(ReadExifOrientation(two_values), Orientation::kUpright);
  Bytes rational = LittleEndian(6);
  rational[12] = 5;
  EXPECT_EQ(ReadExifOrientation(rational), Orientation::kUpright);
}

TEST(Exif, ABlockCutAnywhereIsReadAsUpright) {
  const Bytes block = BigEndian(6);
  for (std::size_t size = 0; size < block.size(); ++size) {
    EXPECT_EQ(ReadExifOrientation(ByteView(block).first(size)), Orientation::kUpright) << size;
  }
}

TEST(Exif, ADirectoryOutsideOfTheBlockIsIgnored) {
  for (const std::uint8_t high : Bytes{0x7F, 0xFF}) {
    Bytes block = LittleEndian(6);
    block[5] = block[6] = block[7] = high;
    EXPECT_EQ(ReadExifOrientation(block), Orientation::kUpright);
  }
}

TEST(Exif, ALyingCountEndsWithTheBlock) {
  Bytes block = LittleEndian(6);
  block[8] = block[9] = 0xFF;
  block[10] = 0;  // Another tag: all 65,535 entries would have to be looked at.
  EXPECT_EQ(ReadExifOrientation(block), Orientation::kUpright);
}

}  // namespace
}  // namespace holdfast
