// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "model/model_config.h"
#include "tensor/preprocessing.h"

namespace holdfast {

// How model.toml spells a value of an enumeration.
template <class T>
struct Word {
  std::string_view text;
  T value;
};

inline constexpr std::array kOutputWords{
    Word<OutputKind>{"logits", OutputKind::kLogits},
    Word<OutputKind>{"probabilities", OutputKind::kProbabilities}};
inline constexpr std::array kGeometryWords{
    Word<Geometry>{"resize-then-crop", Geometry::kResizeThenCrop},
    Word<Geometry>{"crop-then-resize", Geometry::kCropThenResize},
    Word<Geometry>{"stretch", Geometry::kStretch},
};
inline constexpr std::array kFilterWords{Word<ResizeFilter>{"bilinear", ResizeFilter::kBilinear},
                                         Word<ResizeFilter>{"bicubic", ResizeFilter::kBicubic}};
inline constexpr std::array kOrderWords{Word<ChannelOrder>{"rgb", ChannelOrder::kRgb},
                                        Word<ChannelOrder>{"bgr", ChannelOrder::kBgr}};
inline constexpr std::array kLayoutWords{Word<Layout>{"nchw", Layout::kNchw},
                                         Word<Layout>{"nhwc", Layout::kNhwc}};

template <class T, std::size_t N>
constexpr std::string_view WordOf(const std::array<Word<T>, N>& words, T value) {
  for (const Word<T>& word : words) {
    if (word.value == value) return word.text;
  }
  return "";
}

}  // namespace holdfast
