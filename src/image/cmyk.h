// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast {

// Converts `pixels` pixels of CMYK, stored inverted (255 is no ink) as Adobe's programs and nearly
// all others write JPEG, to RGB. The arithmetic is Pillow's, so that the result is equal.
void ConvertInvertedCmykRow(const std::uint8_t* inks, std::size_t pixels, std::uint8_t* rgb);

}  // namespace holdfast
