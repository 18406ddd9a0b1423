// SPDX-License-Identifier: Apache-2.0
#include "image/preprocessor.h"

#include <gtest/gtest.h>

#include <array>

namespace holdfast {
namespace {

// Red grows with the column, green with the row, blue is 9.
Image Ramp(std::uint32_t width, std::uint32_t height) {
  Image image{width, height, {}};
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      image.rgb.push_back(static_cast<std::uint8_t>(x));
      image.rgb.push_back(static_cast<std::uint8_t>(y));
      image.rgb.push_back(9);
    }
  }
  return image;
}

std::array<int, 3> PixelAt(const Image& image, std::size_t x, std::size_t y) {
  const std::size_t at = (y * image.width + x) * 3;
  return {image.rgb[at], image.rgb[at + 1], image.rgb[at + 2]};
}

Image Fitted(const Preprocessing& pipeline, const Image& image) {
  Result<Image> fitted = Preprocessor(pipeline, ImageLimits{}).Fit(image);
  EXPECT_TRUE(fitted);
  return *std::move(fitted);
}

// A PNG of two pixels side by side: (255, 128, 0) and (0, 64, 255).
constexpr std::array<std::uint8_t, 72> kTwoPixels{
    0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0x00, 0x00, 0x00, 0x0D, 0x49, 0x48, 0x44,
    0x52, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x7B,
    0x40, 0xE8, 0xDD, 0x00, 0x00, 0x00, 0x0F, 0x49, 0x44, 0x41, 0x54, 0x78, 0xDA, 0x63, 0xF8,
    0xDF, 0xC0, 0xC0, 0xE0, 0xF0, 0x1F, 0x00, 0x0A, 0x00, 0x02, 0xBF, 0x3F, 0x68, 0x61, 0x84,
    0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82};

constexpr Preprocessing kPlain{.geometry = Geometry::kStretch,
                               .crop_width = 2,
                               .crop_height = 1,
                               .scale = 1.0,
                               .mean = {0, 0, 0},
                               .deviation = {1, 1, 1}};

std::vector<float> TensorOf(const Preprocessing& pipeline) {
  Preprocessor preprocessor(pipeline, ImageLimits{});
  std::vector<float> tensor(preprocessor.tensor_elements());
  const Status status = preprocessor.Run(kTwoPixels, tensor);
  EXPECT_TRUE(status) << status.error().message;
  return tensor;
}

TEST(Preprocessor, LaysTheTensorOutAsDeclared) {
  Preprocessing pipeline = kPlain;
  EXPECT_EQ(TensorOf(pipeline), (std::vector<float>{255, 0, 128, 64, 0, 255}));
  pipeline.order = ChannelOrder::kBgr;
  EXPECT_EQ(TensorOf(pipeline), (std::vector<float>{0, 255, 128, 64, 255, 0}));
  pipeline.layout = Layout::kNhwc;
  EXPECT_EQ(TensorOf(pipeline), (std::vector<float>{0, 128, 255, 255, 64, 0}));
  pipeline.order = ChannelOrder::kRgb;
  EXPECT_EQ(TensorOf(pipeline), (std::vector<float>{255, 128, 0, 0, 64, 255}));
}

TEST(Preprocessor, NormalisesEachChannelByItsOwnNumbersInTheTensorsOrder) {
  Preprocessing pipeline = kPlain;
  pipeline.scale = 0.5;
  pipeline.mean = {1, 2, 3};
  pipeline.deviation = {2, 4, 8};
  EXPECT_EQ(TensorOf(pipeline),
            (std::vector<float>{63.25F, -0.5F, 15.5F, 7.5F, -0.375F, 15.5625F}));
  pipeline.order = ChannelOrder::kBgr;  // The first numbers are blue's now.
  EXPECT_EQ(TensorOf(pipeline),
            (std::vector<float>{-0.5F, 63.25F, 15.5F, 7.5F, 15.5625F, -0.375F}));
}

TEST(Preprocessor, CropsTheCentreWithPythonsRounding) {
  // 8 − 5 = 3 and 6 − 5 = 1 spare pixels: halves of 1.5 and 0.5 go to the even 2 and 0.
  const Image fitted = Fitted({.resize_side = 6, .crop_width = 5, .crop_height = 5}, Ramp(8, 6));
  EXPECT_EQ(PixelAt(fitted, 0, 0), (std::array{2, 0, 9}));
  EXPECT_EQ(PixelAt(fitted, 4, 4), (std::array{6, 4, 9}));
}

TEST(Preprocessor, PadsWithBlackWhereTheCropIsLarger) {
  const Image fitted = Fitted({.resize_side = 4, .crop_width = 7, .crop_height = 4}, Ramp(4, 6));
  EXPECT_EQ(PixelAt(fitted, 0, 0), (std::array{0, 0, 0}));  // (7 − 4) / 2 = 1 column before.
  EXPECT_EQ(PixelAt(fitted, 1, 0), (std::array{0, 1, 9}));
  EXPECT_EQ(PixelAt(fitted, 4, 3), (std::array{3, 4, 9}));
  EXPECT_EQ(PixelAt(fitted, 5, 0), (std::array{0, 0, 0}));
}

TEST(Preprocessor, CropThenResizeTakesACentredSquareWithAMargin) {
  // 224 / 256 · 100 = 87; rows from (100 − 87 + 1) / 2 = 7, columns from (120 − 87 + 1) / 2 = 17.
  const Preprocessing pipeline{.geometry = Geometry::kCropThenResize,
                               .filter = ResizeFilter::kBicubic};
  const Image fitted = Fitted(pipeline, Ramp(120, 100));
  EXPECT_EQ(PixelAt(fitted, 0, 0), (std::array{17, 7, 9}));
  EXPECT_EQ(PixelAt(fitted, 223, 223), (std::array{17 + 86, 7 + 86, 9}));
}

TEST(Preprocessor, CropThenResizeOfOnePixelTakesThatPixel) {
  const Preprocessing pipeline{
      .geometry = Geometry::kCropThenResize, .crop_width = 8, .crop_height = 8};
  EXPECT_EQ(PixelAt(Fitted(pipeline, Ramp(1, 1)), 7, 7), (std::array{0, 0, 9}));
}

TEST(Preprocessor, StretchTakesTheWholePicture) {
  const Preprocessing pipeline{.geometry = Geometry::kStretch, .crop_width = 4, .crop_height = 30};
  const Image fitted = Fitted(pipeline, Ramp(40, 30));
  EXPECT_EQ(fitted.width, 4u);
  EXPECT_EQ(fitted.height, 30u);
  EXPECT_EQ(PixelAt(fitted, 1, 29)[1], 29);
}

TEST(Preprocessor, AnExtremeShapeCostsOnlyItsCrop) {
  // The resized picture would have 256 × 4,096,000 pixels.
  const Image fitted = Fitted({}, Ramp(1, 16'000));
  EXPECT_EQ(fitted.rgb.size(), 224u * 224 * 3);
}

TEST(Preprocessor, AnswersWithTheDecodersError) {
  Preprocessor preprocessor({}, {});
  std::vector<float> tensor(preprocessor.tensor_elements());
  const Status status = preprocessor.Run(ByteView{}, tensor);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().reason, Reason::kUnsupportedMedia);
}

}  // namespace
}  // namespace holdfast
