// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "sizing/plan.h"

namespace holdfast {

// How `holdfast plan` shows its result: the ranking and its reasoning, or one JSON object.
std::string FormatPlanTable(const PlanRequest& request, const Plan& plan);
std::string FormatPlanJson(const PlanRequest& request, const Plan& plan);

}  // namespace holdfast
