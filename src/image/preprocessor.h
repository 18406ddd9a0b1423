// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "image/decode.h"
#include "image/limits.h"
#include "image/resize.h"
#include "tensor/preprocessing.h"

namespace holdfast {

// Turns encoded images into a model's input tensor, as one declared pipeline. Equal to Pillow with
// torchvision's size rules: at most 1 of 255 apart anywhere, before normalisation. Keeps its
// working memory from image to image, up to a bound.
class Preprocessor {
 public:
  // `pipeline` is as a model's configuration may declare it: sides above 0, the crop square where
  // the geometry is kCropThenResize.
  Preprocessor(const Preprocessing& pipeline, const ImageLimits& limits);

  // Decodes `encoded`, resizes, crops and normalises into `tensor` (crop_height · crop_width · 3
  // floats in the declared layout). Errors are DecodeImage's.
  Status Run(ByteView encoded, std::span<float> tensor);

  // The same without the decoding, and before normalisation: packed RGB of the crop's size.
  Result<Image> Fit(const Image& image);

  std::size_t tensor_elements() const;

 private:
  void FitInto(const Image& image, Image& fitted);
  void Normalize(const Image& fitted, std::span<float> tensor) const;

  Preprocessing pipeline_;
  ImageLimits limits_;
  // What each of a channel's 256 pixel values becomes, in the picture's order: R, G, B.
  std::array<std::array<float, 256>, 3> levels_;
  Resizer resizer_;
  Image decoded_;
  Image fitted_;
};

}  // namespace holdfast
