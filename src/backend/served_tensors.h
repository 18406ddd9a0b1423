// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/result.h"
#include "tensor/signature.h"

namespace holdfast {

// Which tensors of a graph are served.
struct ServedTensors {
  Signature signature;           // The output's shape is [N, classes], ones behind it left out.
  std::size_t output_index = 0;  // Among the graph's outputs.
};

// Chooses an image classifier's one input and its row of scores among what a graph declares.
// Dimensions that the graph leaves open are kAnyDim. kBadModel says what the graph has and what is
// served.
Result<ServedTensors> ChooseTensors(std::span<const TensorSpec> inputs,
                                    std::span<const TensorSpec> outputs);

}  // namespace holdfast
