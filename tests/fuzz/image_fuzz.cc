// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>

#include "image/decode.h"

// An untrusted image: decoded within the limits, or refused for a reason that is the image's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  const ByteView encoded(bytes, size);
  const auto format = SniffImage(encoded);
  if (!format || *format != ImageFormat::HOLDFAST_FUZZ_FORMAT) return 0;
  const ImageLimits limits{.pixels_max = 1'000'000, .side_max = 4096};
  const auto image = DecodeImage(encoded, limits);
  if (!image) {
    switch (image.error().reason) {
      case Reason::kUnsupportedMedia:
      case Reason::kImageTooLarge:
      case Reason::kImageDecodeFailed:
        return 0;
      default:
        std::abort();
    }
  }
  const std::uint64_t pixels = std::uint64_t{image->width} * image->height;
  if (pixels == 0 || pixels > limits.pixels_max) std::abort();
  if (image->rgb.size() != pixels * 3) std::abort();
  return 0;
}
