// SPDX-License-Identifier: Apache-2.0
#include "model/preprocessing_presets.h"

#include <array>

namespace holdfast {
namespace {

struct Preset {
  std::string_view name;
  Preprocessing pipeline;
};

constexpr std::array kNoMean{0.0, 0.0, 0.0};
constexpr std::array kUnitDeviation{1.0, 1.0, 1.0};

const std::array kPresets{
    // torchvision's first ImageNet weights ("IMAGENET1K_V1").
    Preset{"torchvision", Preprocessing{}},
    // torchvision's second ones ("IMAGENET1K_V2"): the short side is brought to 232.
    Preset{"torchvision-v2", Preprocessing{.resize_side = 232}},
    // Google's EfficientNet-Lite: (pixel − 127) / 128.
    Preset{"efficientnet-lite", Preprocessing{.geometry = Geometry::kCropThenResize,
                                              .filter = ResizeFilter::kBicubic,
                                              .scale = 1.0,
                                              .mean = {127.0, 127.0, 127.0},
                                              .deviation = {128.0, 128.0, 128.0}}},
    // Keras' ResNet50 and VGG ("caffe" mode): BGR, ImageNet's mean subtracted, whole picture.
    Preset{"keras-caffe", Preprocessing{.geometry = Geometry::kStretch,
                                        .order = ChannelOrder::kBgr,
                                        .layout = Layout::kNhwc,
                                        .scale = 1.0,
                                        .mean = {103.939, 116.779, 123.68},
                                        .deviation = kUnitDeviation}},
    // Pixels from 0 to 1 and nothing else.
    Preset{"unit",
           Preprocessing{
               .geometry = Geometry::kStretch, .mean = kNoMean, .deviation = kUnitDeviation}},
};

}  // namespace

std::vector<std::string> PreprocessingPresetNames() {
  std::vector<std::string> names;
  for (const Preset& preset : kPresets) names.emplace_back(preset.name);
  return names;
}

std::optional<Preprocessing> PreprocessingPreset(std::string_view name) {
  for (const Preset& preset : kPresets) {
    if (preset.name == name) return preset.pipeline;
  }
  return std::nullopt;
}

}  // namespace holdfast
