// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "model/version_policy.h"

namespace holdfast {

// Names for versions, such as stable → 3, that requests may use instead of the number.
using VersionLabels = std::map<std::string, std::int64_t>;

// Which versions of one model are to be served, and what they are called.
struct ModelRule {
  VersionPolicy policy;
  VersionLabels labels;
  bool operator==(const ModelRule&) const = default;
};
using ModelRules = std::map<std::string, ModelRule>;  // By model.

}  // namespace holdfast
