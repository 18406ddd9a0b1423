// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/command_line.h"

namespace holdfast {

// Drills a running server and prints the proof. Returns the exit code: 1 where a request was lost
// or an answer was wrong.
int RunDrillCommand(const DrillCommand& command);

}  // namespace holdfast
