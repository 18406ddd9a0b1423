// SPDX-License-Identifier: Apache-2.0
#include "image/resize.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <tuple>

namespace holdfast {
namespace {

using Pixels = std::vector<std::uint8_t>;
struct Size {
  std::uint32_t width;
  std::uint32_t height;
};

Pixels Noise(Size size) {
  std::mt19937 random(7);
  Pixels pixels(std::size_t{size.width} * size.height * 3);
  for (std::uint8_t& byte : pixels) byte = static_cast<std::uint8_t>(random());
  return pixels;
}

RgbView View(const Pixels& pixels, Size size) {
  return {pixels.data(), size.width, size.height, std::size_t{size.width} * 3};
}

Pixels Resized(const RgbView& source, ResizeFilter filter, const ResizedSpan& columns,
               const ResizedSpan& rows) {
  const std::size_t stride = std::size_t{columns.count} * 3;
  Pixels target(stride * rows.count);
  Resizer().Resize(source, filter, columns, rows, target.data(), stride);
  return target;
}

Pixels ResizedTo(const RgbView& source, ResizeFilter filter, Size size) {
  return Resized(source, filter, {size.width, 0, size.width}, {size.height, 0, size.height});
}

constexpr std::array kFilters{ResizeFilter::kBilinear, ResizeFilter::kBicubic};

TEST(Resize, ToTheSameSizeChangesNothing) {
  constexpr Size kSize{31, 17};
  const Pixels source = Noise(kSize);
  for (const ResizeFilter filter : kFilters) {
    EXPECT_EQ(ResizedTo(View(source, kSize), filter, kSize), source);
  }
}

TEST(Resize, AFlatPictureStaysFlatAtAnyRatio) {
  constexpr Size kSize{37, 23};
  for (const std::uint8_t level : Pixels{0, 1, 127, 254, 255}) {
    const Pixels source(std::size_t{kSize.width} * kSize.height * 3, level);
    for (const Size to : {Size{1, 1}, {5, 90}, {36, 24}, {400, 3}}) {
      for (const ResizeFilter filter : kFilters) {
        const Pixels target = ResizedTo(View(source, kSize), filter, to);
        EXPECT_EQ(target, Pixels(target.size(), level)) << to.width << 'x' << to.height;
      }
    }
  }
}

TEST(Resize, AWindowIsACutOfTheWholeResult) {
  constexpr Size kSize{61, 47};
  constexpr Size kTo{29, 80};
  const Pixels source = Noise(kSize);
  for (const ResizeFilter filter : kFilters) {
    const Pixels whole = ResizedTo(View(source, kSize), filter, kTo);
    const Pixels window =
        Resized(View(source, kSize), filter, {kTo.width, 7, 11}, {kTo.height, 60, 20});
    for (std::size_t y = 0; y < 20; ++y) {
      for (std::size_t i = 0; i < 33; ++i) {
        ASSERT_EQ(window[y * 33 + i], whole[(y + 60) * kTo.width * 3 + 21 + i]);
      }
    }
  }
}

TEST(Resize, APartOfAPictureDoesNotSeeItsSurroundings) {
  constexpr Size kSize{40, 30};
  constexpr Size kPart{16, 9};
  const Pixels source = Noise(kSize);
  RgbView part = View(source, kSize);
  part.pixels += 5 * part.stride + 6 * 3;
  part.width = kPart.width;
  part.height = kPart.height;
  Pixels copy;
  for (std::size_t y = 0; y < kPart.height; ++y) {
    const std::uint8_t* row = part.pixels + y * part.stride;
    copy.insert(copy.end(), row, row + kPart.width * 3);
  }
  EXPECT_EQ(ResizedTo(part, ResizeFilter::kBicubic, {7, 12}),
            ResizedTo(View(copy, kPart), ResizeFilter::kBicubic, {7, 12}));
}

TEST(Resize, HalvingAveragesAndDoublingInterpolates) {
  // Weights of the halved row's first pixel: 3, 3 and 1 of 7; of the doubled row's: 1 and 3 of 4.
  const Pixels row{0, 0, 0, 0, 0, 0, 70, 70, 70, 140, 140, 140};
  const RgbView view{row.data(), 4, 1, row.size()};
  const Pixels halved = ResizedTo(view, ResizeFilter::kBilinear, {2, 1});
  EXPECT_EQ(halved[0], 10);
  EXPECT_EQ(halved[3], 90);
  const Pixels doubled = ResizedTo(view, ResizeFilter::kBilinear, {8, 1});
  EXPECT_EQ(doubled[3 * 3], 18);  // 17.5, a half is rounded up.
  EXPECT_EQ(doubled[7 * 3], 140);
}

TEST(Resize, BicubicOvershootIsClippedAndNotWrapped) {
  Pixels edge;
  for (int x = 0; x < 8; ++x) edge.insert(edge.end(), 3, x < 4 ? 0 : 255);
  const Pixels target =
      ResizedTo({edge.data(), 8, 1, edge.size()}, ResizeFilter::kBicubic, {32, 1});
  for (std::size_t x = 1; x < 32; ++x) EXPECT_GE(target[x * 3], target[x * 3 - 3]) << x;
}

TEST(Resize, ChannelsDoNotMix) {
  constexpr Size kSize{50, 40};
  Pixels source = Noise(kSize);
  for (std::size_t i = 0; i < source.size(); i += 3) source[i] = 200, source[i + 2] = 10;
  const Pixels target = ResizedTo(View(source, kSize), ResizeFilter::kBilinear, {13, 77});
  for (std::size_t i = 0; i < target.size(); i += 3) {
    ASSERT_EQ(target[i], 200);
    ASSERT_EQ(target[i + 2], 10);
  }
}

TEST(Resize, OfExtremeShapesStaysInsideTheirMemory) {
  for (const Size size : {Size{1, 1}, {1, 5000}, {5000, 1}, {2, 3}}) {
    const Pixels source = Noise(size);
    for (const Size to : {Size{1, 1}, {224, 224}, {1, 300}}) {
      for (const ResizeFilter filter : kFilters) {
        EXPECT_EQ(ResizedTo(View(source, size), filter, to).size(),
                  std::size_t{to.width} * to.height * 3);
      }
    }
  }
}

TEST(Resize, AResizerGivesTheSameAfterAnotherPicture) {
  constexpr Size kSize{33, 21};
  const Pixels source = Noise(kSize);
  const Pixels fresh = ResizedTo(View(source, kSize), ResizeFilter::kBilinear, {10, 10});
  Resizer resizer;
  Pixels target(300 * 3);
  const Pixels large = Noise({300, 200});
  resizer.Resize(View(large, {300, 200}), ResizeFilter::kBicubic, {10, 0, 10}, {10, 0, 10},
                 target.data(), 30);
  resizer.Resize(View(source, kSize), ResizeFilter::kBilinear, {10, 0, 10}, {10, 0, 10},
                 target.data(), 30);
  EXPECT_TRUE(std::equal(fresh.begin(), fresh.end(), target.begin()));
}

}  // namespace
}  // namespace holdfast
