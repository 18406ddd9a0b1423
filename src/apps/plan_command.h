// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/command_line.h"

namespace holdfast {

// Sizes a fleet, prints the plan and writes the kit's parameters. Returns the exit code: 1 where
// every type is above the budget; then no file is written.
int RunPlanCommand(const PlanCommand& command);

}  // namespace holdfast
