// SPDX-License-Identifier: Apache-2.0
#include "image/preprocessor.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace holdfast {
namespace {

// Pixel memory kept for the next image: that of 2.8 megapixels. One huge photo must not stay in a
// worker's memory for good.
constexpr std::size_t kKeptBytesMax = MiB(8);

// Half of an even or odd count of pixels, as Python rounds n / 2.0: ties to the even neighbour.
std::uint64_t HalfToEven(std::uint64_t count) {
  const std::uint64_t half = count / 2;
  return count % 2 == 1 && half % 2 == 1 ? half + 1 : half;
}

// One axis of torchvision's CenterCrop: which pixels are cut out, and how many black ones are put
// before them where the picture is smaller than the crop.
struct CenterCut {
  ResizedSpan span;
  std::uint32_t padding = 0;
};

CenterCut CutCenter(std::uint64_t size, std::uint32_t crop) {
  if (size < crop) {
    const auto kept = static_cast<std::uint32_t>(size);
    return {{size, 0, kept}, (crop - kept) / 2};
  }
  return {{size, HalfToEven(size - crop), crop}, 0};
}

// torchvision's Resize(side): the short side becomes `side`, the long one keeps the ratio, rounded
// down after a division in floating point.
std::uint64_t ResizedSide(std::uint32_t side, std::uint32_t length, std::uint32_t shorter) {
  const auto product = static_cast<double>(std::uint64_t{side} * length);
  return static_cast<std::uint64_t>(product / static_cast<double>(shorter));
}

RgbView Whole(const Image& image) {
  return {image.rgb.data(), image.width, image.height, std::size_t{image.width} * 3};
}

// EfficientNet's evaluation crop: a centred square that leaves a margin of 32 pixels, measured in
// pixels of the result.
RgbView CentralSquare(const Image& image, std::uint32_t crop) {
  const double share = static_cast<double>(crop) / (static_cast<double>(crop) + 32.0);
  const auto square =
      static_cast<std::uint32_t>(share * static_cast<double>(std::min(image.width, image.height)));
  const std::uint32_t side = std::max<std::uint32_t>(square, 1);
  RgbView view = Whole(image);
  const std::size_t top = (image.height - side + 1) / 2;
  const std::size_t left = (image.width - side + 1) / 2;
  view.pixels += top * view.stride + left * 3;
  view.width = side;
  view.height = side;
  return view;
}

}  // namespace

Preprocessor::Preprocessor(const Preprocessing& pipeline, const ImageLimits& limits)
    : pipeline_(pipeline), limits_(limits) {
  CHECK(pipeline.crop_width > 0 && pipeline.crop_height > 0 && pipeline.resize_side > 0);
  for (std::size_t channel = 0; channel < levels_.size(); ++channel) {
    // mean and deviation are declared in the tensor's channel order.
    const std::size_t declared = pipeline.order == ChannelOrder::kBgr ? 2 - channel : channel;
    for (std::size_t pixel = 0; pixel < levels_[channel].size(); ++pixel) {
      levels_[channel][pixel] = static_cast<float>(
          (static_cast<double>(pixel) * pipeline.scale - pipeline.mean[declared]) /
          pipeline.deviation[declared]);
    }
  }
}

std::size_t Preprocessor::tensor_elements() const {
  return std::size_t{pipeline_.crop_width} * pipeline_.crop_height * 3;
}

Status Preprocessor::Run(ByteView encoded, std::span<float> tensor) {
  CHECK(tensor.size() == tensor_elements());
  TRY_DO(DecodeImageInto(encoded, limits_, decoded_));
  TRY_DO(Guard([&] { FitInto(decoded_, fitted_); }));
  if (decoded_.rgb.capacity() > kKeptBytesMax) decoded_ = Image{};
  Normalize(fitted_, tensor);
  return {};
}

Result<Image> Preprocessor::Fit(const Image& image) {
  Image fitted;
  TRY_DO(Guard([&] { FitInto(image, fitted); }));
  return fitted;
}

void Preprocessor::FitInto(const Image& image, Image& fitted) {
  CHECK(image.rgb.size() == std::size_t{image.width} * image.height * 3);
  RgbView source = Whole(image);
  CenterCut columns{{pipeline_.crop_width, 0, pipeline_.crop_width}};
  CenterCut rows{{pipeline_.crop_height, 0, pipeline_.crop_height}};
  switch (pipeline_.geometry) {
    case Geometry::kResizeThenCrop: {
      const std::uint32_t shorter = std::min(image.width, image.height);
      columns =
          CutCenter(ResizedSide(pipeline_.resize_side, image.width, shorter), pipeline_.crop_width);
      rows = CutCenter(ResizedSide(pipeline_.resize_side, image.height, shorter),
                       pipeline_.crop_height);
      break;
    }
    case Geometry::kCropThenResize:
      source = CentralSquare(image, pipeline_.crop_width);
      break;
    case Geometry::kStretch:
      break;
  }
  fitted.width = pipeline_.crop_width;
  fitted.height = pipeline_.crop_height;
  const std::size_t stride = std::size_t{fitted.width} * 3;
  fitted.rgb.assign(stride * fitted.height, 0);
  resizer_.Resize(source, pipeline_.filter, columns.span, rows.span,
                  fitted.rgb.data() + rows.padding * stride + columns.padding * std::size_t{3},
                  stride);
}

void Preprocessor::Normalize(const Image& fitted, std::span<float> tensor) const {
  const std::size_t pixels = std::size_t{fitted.width} * fitted.height;
  const bool planes = pipeline_.layout == Layout::kNchw;
  for (std::size_t channel = 0; channel < levels_.size(); ++channel) {
    const std::size_t place = pipeline_.order == ChannelOrder::kBgr ? 2 - channel : channel;
    const std::array<float, 256>& levels = levels_[channel];
    const std::uint8_t* from = fitted.rgb.data() + channel;
    float* to = tensor.data() + (planes ? place * pixels : place);
    const std::size_t step = planes ? 1 : 3;
    for (std::size_t i = 0; i < pixels; ++i) to[i * step] = levels[from[i * 3]];
  }
}

}  // namespace holdfast
