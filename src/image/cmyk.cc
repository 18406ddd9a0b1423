// SPDX-License-Identifier: Apache-2.0
#include "image/cmyk.h"

#include <algorithm>

namespace holdfast {

void ConvertInvertedCmykRow(const std::uint8_t* inks, std::size_t pixels, std::uint8_t* rgb) {
  for (std::size_t i = 0; i < pixels; ++i, inks += 4, rgb += 3) {
    const int light = inks[3];  // 255 − K.
    for (std::size_t channel = 0; channel < 3; ++channel) {
      // ink · light / 255, rounded, without a division.
      const int product = (255 - inks[channel]) * light + 128;
      const int absorbed = (product + (product >> 8)) >> 8;
      rgb[channel] = static_cast<std::uint8_t>(std::max(light - absorbed, 0));
    }
  }
}

}  // namespace holdfast
