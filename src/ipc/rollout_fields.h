// SPDX-License-Identifier: Apache-2.0
// A version on trial, as members of a JSON object that our processes tell each other.
#pragma once

#include <optional>

#include "ipc/json_fields.h"
#include "model/rollout_rule.h"

namespace holdfast {

void WriteRollout(JsonWriter& writer, const Rollout& rollout);
std::optional<Rollout> ReadRollout(const rapidjson::Value& object);

}  // namespace holdfast
