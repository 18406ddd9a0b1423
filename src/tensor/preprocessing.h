// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace holdfast {

enum class ResizeFilter { kBilinear, kBicubic };  // Pillow's antialiased filters.

// How a decoded picture is brought to the model's size.
enum class Geometry {
  // torchvision: Resize(resize_side) of the short side, then CenterCrop(crop).
  kResizeThenCrop,
  // EfficientNet: a centred square of side crop/(crop+32)·min(w,h), then resized to crop × crop.
  kCropThenResize,
  // The whole picture to crop × crop; the aspect ratio is not kept.
  kStretch,
};

enum class Layout { kNchw, kNhwc };
enum class ChannelOrder { kRgb, kBgr };

// How an image becomes the tensor that a model was trained on: part of the model, declared in its
// model.toml. The default is torchvision's ResNet50.
struct Preprocessing {
  Geometry geometry = Geometry::kResizeThenCrop;
  ResizeFilter filter = ResizeFilter::kBilinear;
  std::uint32_t resize_side = 256;  // kResizeThenCrop only.
  std::uint32_t crop_width = 224;
  std::uint32_t crop_height = 224;
  ChannelOrder order = ChannelOrder::kRgb;
  Layout layout = Layout::kNchw;
  // tensor = (pixel · scale − mean) / deviation, a channel each, with pixel in 0 … 255.
  double scale = 1.0 / 255.0;
  std::array<double, 3> mean{0.485, 0.456, 0.406};
  std::array<double, 3> deviation{0.229, 0.224, 0.225};
  bool operator==(const Preprocessing&) const = default;
};

}  // namespace holdfast
