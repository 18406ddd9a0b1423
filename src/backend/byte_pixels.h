// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

namespace holdfast {

// Rounds to pixels of 0 … 255, for models that take bytes. Both spans have the same size.
inline void RoundToBytes(std::span<const float> values, std::span<std::uint8_t> bytes) {
  std::transform(values.begin(), values.end(), bytes.begin(), [](float value) {
    return static_cast<std::uint8_t>(std::lround(std::fmin(std::fmax(value, 0.0f), 255.0f)));
  });
}

}  // namespace holdfast
