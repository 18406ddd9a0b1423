// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "model/model_rule.h"
#include "model/offer.h"

namespace holdfast {

// What there is to serve, and by which rules.
struct Offering {
  std::vector<Offer> offers;
  // Nothing: all models of a repository, by the server's policy. Else: these models and no others.
  std::optional<ModelRules> rules;
  bool operator==(const Offering&) const = default;
};

}  // namespace holdfast
