// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "tensor/shape.h"

namespace holdfast {

// A NumPy array file, read in place.
struct NpyArray {
  DType dtype = DType::kFloat32;  // kFloat32 (little-endian) or kUint8.
  Shape shape;                    // At most 8 dimensions.
  ByteView elements;              // Exactly the array's bytes, in C order; unaligned.
};

// Reads versions 1 to 3 of the format. kBadRequest for another element type, Fortran order, a
// header beyond 4 KiB, or a size that does not match the shape.
Result<NpyArray> ReadNpy(ByteView file);

}  // namespace holdfast
