// SPDX-License-Identifier: Apache-2.0
#include "image/cmyk.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace holdfast {
namespace {

using Rgb = std::array<std::uint8_t, 3>;

Rgb Convert(std::array<std::uint8_t, 4> stored) {
  Rgb rgb{};
  ConvertInvertedCmykRow(stored.data(), 1, rgb.data());
  return rgb;
}

TEST(Cmyk, NoInkIsWhiteAndBlackInkIsBlack) {
  EXPECT_EQ(Convert({255, 255, 255, 255}), (Rgb{255, 255, 255}));
  EXPECT_EQ(Convert({255, 255, 255, 0}), (Rgb{0, 0, 0}));
  EXPECT_EQ(Convert({0, 0, 0, 0}), (Rgb{0, 0, 0}));
}

TEST(Cmyk, EachInkTakesItsOwnColourAway) {
  EXPECT_EQ(Convert({0, 255, 255, 255}), (Rgb{0, 255, 255}));
  EXPECT_EQ(Convert({255, 0, 255, 255}), (Rgb{255, 0, 255}));
  EXPECT_EQ(Convert({255, 255, 0, 255}), (Rgb{255, 255, 0}));
}

TEST(Cmyk, IsTheRoundedProductOfWhatInkAndBlackLetThrough) {
  for (int ink = 0; ink < 256; ++ink) {
    for (int light = 0; light < 256; ++light) {
      const auto stored = static_cast<std::uint8_t>(ink);
      const Rgb rgb = Convert({stored, 255, 255, static_cast<std::uint8_t>(light)});
      const auto absorbed = static_cast<int>(std::lround((255 - ink) * light / 255.0));
      ASSERT_EQ(rgb[0], light - absorbed) << ink << ' ' << light;
    }
  }
}

}  // namespace
}  // namespace holdfast
