// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tensor/shape.h"

namespace holdfast {

// One named input or output. `shape` includes the batch dimension, outermost.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kFloat32;
  Shape shape;
  bool operator==(const TensorSpec&) const = default;
};

// What an image classifier takes and gives: one tensor in, one row of scores an item out.
struct Signature {
  TensorSpec input;
  TensorSpec output;
  bool operator==(const Signature&) const = default;
};

// `shape` without its batch dimension: what one item is.
inline Shape ItemShape(const TensorSpec& spec) {
  return spec.shape.empty() ? Shape{} : Shape(spec.shape.begin() + 1, spec.shape.end());
}

}  // namespace holdfast
