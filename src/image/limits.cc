// SPDX-License-Identifier: Apache-2.0
#include "image/limits.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast {

Status CheckImageSize(std::uint64_t width, std::uint64_t height, const ImageLimits& limits) {
  if (width == 0 || height == 0) {
    return Error{Reason::kImageDecodeFailed,
                 fmt::format("image has no pixels: {}×{}", width, height)};
  }
  if (std::max(width, height) > limits.side_max) {
    return Error{Reason::kImageTooLarge,
                 fmt::format("image of {}×{} pixels has a side above the limit of {}", width,
                             height, limits.side_max)};
  }
  // Sides fit 32 bits by now, so the product fits 64.
  if (width * height > limits.pixels_max) {
    return Error{Reason::kImageTooLarge,
                 fmt::format("image of {}×{} pixels is above the limit of {} pixels", width, height,
                             limits.pixels_max)};
  }
  return {};
}

}  // namespace holdfast
