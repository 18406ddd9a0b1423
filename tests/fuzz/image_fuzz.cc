// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>

#include "image/decode.h"
#include "image/preprocessor.h"

// An untrusted image: decoded within the limits, and fitted to a model's input whatever its shape;
// or refused for a reason that is the image's.
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
  const Geometry geometries[] = {Geometry::kResizeThenCrop, Geometry::kCropThenResize,
                                 Geometry::kStretch};
  const Preprocessing pipeline{
      .geometry = geometries[size % 3],
      .filter = size % 2 == 0 ? ResizeFilter::kBilinear : ResizeFilter::kBicubic,
      .resize_side = 9,
      .crop_width = 8,
      .crop_height = 8};
  Preprocessor preprocessor(pipeline, limits);
  const auto fitted = preprocessor.Fit(*image);
  if (fitted && fitted->rgb.size() != preprocessor.tensor_elements()) std::abort();
  return 0;
}
