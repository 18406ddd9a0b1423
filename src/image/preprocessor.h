// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "image/decode.h"
#include "image/limits.h"
#include "tensor/preprocessing.h"

namespace holdfast {

// Turns encoded images into a model's input tensor, as one declared pipeline. Equal to Pillow with
// torchvision's size rules: at most 1 of 255 apart anywhere, before normalisation.
class Preprocessor {
 public:
  Preprocessor(const Preprocessing& pipeline, const ImageLimits& limits);

  // Decodes `encoded`, resizes, crops and normalises into `tensor` (crop_height · crop_width · 3
  // floats in the declared layout). Errors are DecodeImage's.
  Status Run(ByteView encoded, std::span<float> tensor);

  // The same without the decoding, and before normalisation: packed RGB of the crop's size.
  Result<Image> Fit(const Image& image);

  std::size_t tensor_elements() const;

 private:
  void Normalize(const Image& fitted, std::span<float> tensor) const;

  Preprocessing pipeline_;
  ImageLimits limits_;
};

}  // namespace holdfast
