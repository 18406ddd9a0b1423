// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "tensor/signature.h"

namespace holdfast {

// The signatures that every image classifier has, as TensorFlow Serving's clients name them.
constexpr std::string_view kServingDefault = "serving_default";  // The tensor the model declares.
constexpr std::string_view kServingBytes = "serving_bytes";      // Encoded images.
constexpr std::string_view kImageInput = "image";                // The input of kServingBytes.

// "the model's input is "x", or "image" for an encoded image"
inline std::string InputNames(const TensorSpec& input) {
  return fmt::format(R"(the model's input is "{}", or "{}" for an encoded image)", input.name,
                     kImageInput);
}

}  // namespace holdfast
