// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/strong_id.h"
#include "model/model_rule.h"
#include "model/rollout_rule.h"
#include "model/servable_status.h"

namespace holdfast {

// One version that the supervisor serves, loads, retires or has refused.
struct ListedServable {
  std::optional<ServableId> servable;  // Nothing: no process was ever started for it.
  ServableStatus status;
  bool operator==(const ListedServable&) const = default;
};

struct ServableList {
  std::vector<ListedServable> servables;
  std::map<std::string, VersionLabels> labels;  // By model: what each label means now.
  std::map<std::string, Rollout> rollouts;      // By model: the version that is on trial.
  std::map<std::string, std::string> folders;   // Of models that clients have added, by model.
  bool operator==(const ServableList&) const = default;
};

// As JSON, for the sealed memory that carries the whole list from supervisor to gateway.
std::string EncodeServableList(const ServableList& list);
// kBadRequest for anything else.
Result<ServableList> DecodeServableList(std::string_view json);

}  // namespace holdfast
