// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "model/servable_status.h"
#include "tensor/signature.h"

namespace holdfast {

// What the Open Inference Protocol says alike over REST and over gRPC.

constexpr std::string_view kServerName = "holdfast";
constexpr std::array<std::string_view, 5> kExtensions{"classification", "binary_tensor_data",
                                                      "statistics", "model_repository",
                                                      "model_configuration"};

// A version's state in the repository's index.
constexpr std::string_view RepositoryState(ServableState state) {
  switch (state) {
    case ServableState::kLoading:
      return "LOADING";
    case ServableState::kAvailable:
      return "READY";
    case ServableState::kUnloading:
      return "UNLOADING";
    case ServableState::kEnd:
      break;
  }
  return "UNAVAILABLE";
}

// The shape that clients may send or get: a batch of any size.
inline Shape BatchShape(const TensorSpec& spec) {
  Shape shape = spec.shape;
  if (!shape.empty()) shape.front() = kAnyDim;
  return shape;
}

}  // namespace holdfast
