// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/rollout_rule.h"

namespace holdfast {

// A wish that a version of `model` is tried.
struct RolloutOrder {
  std::string model;
  Rollout rollout;
  bool operator==(const RolloutOrder&) const = default;
};

// A wish that the trial ends: an operator's, or the gateway's own verdict.
struct RolloutEndOrder {
  std::string model;
  std::optional<std::int64_t> version;  // Which is meant; nothing: whichever is on trial.
  std::string why;
  bool operator==(const RolloutEndOrder&) const = default;
};

// As JSON, for the sealed memory that carries them between gateway and supervisor.
std::string EncodeRolloutOrder(const RolloutOrder& order);
std::string EncodeRolloutEndOrder(const RolloutEndOrder& order);
// kBadRequest for anything else.
Result<RolloutOrder> DecodeRolloutOrder(std::string_view json);
Result<RolloutEndOrder> DecodeRolloutEndOrder(std::string_view json);

}  // namespace holdfast
