// SPDX-License-Identifier: Apache-2.0
#include "image/limits.h"

#include <gtest/gtest.h>

#include <limits>

namespace holdfast {
namespace {

constexpr ImageLimits kLimits{.pixels_max = 1000, .side_max = 100};

Reason ReasonFor(std::uint64_t width, std::uint64_t height) {
  const Status status = CheckImageSize(width, height, kLimits);
  return status ? Reason::kOk : status.error().reason;
}

TEST(ImageLimits, TakesAPictureAtTheLimit) {
  EXPECT_EQ(ReasonFor(100, 10), Reason::kOk);
  EXPECT_EQ(ReasonFor(1, 1), Reason::kOk);
}

TEST(ImageLimits, RefusesOnePixelMore) {
  EXPECT_EQ(ReasonFor(101, 1), Reason::kImageTooLarge);
  EXPECT_EQ(ReasonFor(1, 101), Reason::kImageTooLarge);
  EXPECT_EQ(ReasonFor(91, 11), Reason::kImageTooLarge);
}

TEST(ImageLimits, AreNotOverflowedByHugeSides) {
  constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(ReasonFor(kHuge, kHuge), Reason::kImageTooLarge);
  EXPECT_EQ(ReasonFor(std::uint64_t{1} << 32, std::uint64_t{1} << 32), Reason::kImageTooLarge);
}

TEST(ImageLimits, APictureWithoutPixelsIsCorrupt) {
  EXPECT_EQ(ReasonFor(0, 5), Reason::kImageDecodeFailed);
  EXPECT_EQ(ReasonFor(5, 0), Reason::kImageDecodeFailed);
}

}  // namespace
}  // namespace holdfast
