// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace holdfast {

// What a JPEG's markers say, read without decoding anything.
struct JpegOutline {
  std::uint32_t width = 0;  // 0 × 0 where no frame header was found.
  std::uint32_t height = 0;
  std::uint32_t scans = 0;
  ByteView exif;  // With its "Exif\0\0" prefix; empty where there is none. Points into the input.
};

// Walks the markers up to the end of the image, of the input, or of the scan after `scans_max`.
JpegOutline OutlineJpeg(ByteView encoded, std::uint32_t scans_max);

}  // namespace holdfast
