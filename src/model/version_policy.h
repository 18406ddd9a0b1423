// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/offer.h"

namespace holdfast {

// Which versions of a model are to be served, as TensorFlow Serving's model_version_policy has it.
struct VersionPolicy {
  enum class Kind { kLatest, kAll, kSpecific };
  Kind kind = Kind::kLatest;
  std::uint32_t latest = 1;            // kLatest: how many.
  std::vector<std::int64_t> specific;  // kSpecific: these, ascending.
  bool operator==(const VersionPolicy&) const = default;
};

// "latest:2", "latest", "all", "specific:1,4". kUsage for anything else.
Result<VersionPolicy> ParseVersionPolicy(std::string_view text);
std::string FormatVersionPolicy(const VersionPolicy& policy);

// What the policy chooses of one model's versions, ascending.
std::vector<Offer> ChooseVersions(const VersionPolicy& policy, std::vector<Offer> offers);

}  // namespace holdfast
