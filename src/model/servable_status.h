// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/reason.h"
#include "model/model_key.h"

namespace holdfast {

// A version's state as TensorFlow Serving names it.
enum class ServableState : std::uint32_t { kLoading, kAvailable, kUnloading, kEnd };
struct ServableStatus {
  ModelKey key;
  ServableState state = ServableState::kLoading;
  Reason reason = Reason::kOk;  // Why it is at its end, when it should not be.
  std::string message;
  bool operator==(const ServableStatus&) const = default;
};

}  // namespace holdfast
