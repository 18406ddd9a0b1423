// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace holdfast {

// Bounds on one untrusted image, all checked on its header, before anything is allocated for it.
struct ImageLimits {
  std::uint64_t pixels_max = 50'000'000;  // 24-megapixel photos pass with room to spare.
  std::uint32_t side_max = 16'384;
  // A PNG's metadata (EXIF, ICC, text), inflated: what a bomb costs before it is refused, 2–4 ms a
  // MiB.
  std::size_t ancillary_bytes_max = MiB(2);
  std::uint32_t jpeg_scans_max = 64;
};

// Whether a header's width and height, in pixels, may be decoded. Errors: kImageTooLarge;
// kImageDecodeFailed for a picture without pixels.
Status CheckImageSize(std::uint64_t width, std::uint64_t height, const ImageLimits& limits);

}  // namespace holdfast
