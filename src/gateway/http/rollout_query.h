// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/result.h"
#include "gateway/http/request_target.h"
#include "model/rollout_rule.h"

namespace holdfast {

// How a version is to be tried, out of the query of a rollout order: kind, percent, header,
// window_s, requests_min, errors_max, invalid_max, latency_max, disagreement_max, promote. What is
// not given is as RolloutRule has it. kBadRequest names the parameter that is wrong.
Result<RolloutRule> ParseRolloutQuery(const RequestTarget& target);

}  // namespace holdfast
