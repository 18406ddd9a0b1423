// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sizing/plan.h"

namespace holdfast {

// The parameters of the kit's template that the sizing decides, in the template's spelling. EKS has
// no template, hence none.
std::vector<std::pair<std::string, std::string>> ParametersOf(const KitRule& kit,
                                                              const Sizing& sizing);

// What deploy/rollout takes with --parameters: one JSON object. For EKS: an overlay of Kustomize.
std::string FormatParameterFile(const KitRule& kit, const Sizing& sizing);

}  // namespace holdfast
