// SPDX-License-Identifier: Apache-2.0
#include "image/orientation.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

// A picture whose pixels are letters, a row each word.
Image Picture(std::initializer_list<std::string_view> rows) {
  Image image;
  image.width = static_cast<std::uint32_t>(rows.begin()->size());
  image.height = static_cast<std::uint32_t>(rows.size());
  for (const std::string_view row : rows) {
    for (const char letter : row) {
      for (int channel = 0; channel < 3; ++channel) {
        image.rgb.push_back(static_cast<std::uint8_t>(letter + channel));
      }
    }
  }
  return image;
}

std::string Letters(const Image& image) {
  std::string text;
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    if (i != 0 && i % (std::size_t{image.width} * 3) == 0) text += ' ';
    EXPECT_EQ(image.rgb[i] + 2, image.rgb[i + 2]);
    text += static_cast<char>(image.rgb[i]);
  }
  return text;
}

std::string Turned(int orientation) {
  Image image = Picture({"abc", "def"});
  TurnUpright(static_cast<Orientation>(orientation), image);
  return Letters(image);
}

TEST(Orientation, EachOfTheEightIsUndone) {
  EXPECT_EQ(Turned(1), "abc def");
  EXPECT_EQ(Turned(2), "cba fed");
  EXPECT_EQ(Turned(3), "fed cba");
  EXPECT_EQ(Turned(4), "def abc");
  EXPECT_EQ(Turned(5), "ad be cf");
  EXPECT_EQ(Turned(6), "da eb fc");
  EXPECT_EQ(Turned(7), "fc eb da");
  EXPECT_EQ(Turned(8), "cf be ad");
}

TEST(Orientation, FourQuarterTurnsGiveThePictureBackWhateverItsSize) {
  for (const auto& [width, height] : {std::pair{1u, 1u}, {1u, 100u}, {33u, 64u}, {97u, 31u}}) {
    Image image{width, height, std::vector<std::uint8_t>(std::size_t{width} * height * 3)};
    for (std::size_t i = 0; i < image.rgb.size(); ++i) {
      image.rgb[i] = static_cast<std::uint8_t>(i * 31 % 251);
    }
    const Image before = image;
    for (int turn = 0; turn < 4; ++turn) TurnUpright(Orientation::kQuarterTurnClockwise, image);
    EXPECT_EQ(image.rgb, before.rgb);
    EXPECT_EQ(image.width, width);
  }
}

}  // namespace
}  // namespace holdfast
