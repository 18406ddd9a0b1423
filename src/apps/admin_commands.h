// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/command_line.h"

namespace holdfast {

// Commands that ask a running server's admin address. Each returns the exit code.
int RunDeaths(const DeathsCommand& command);
int RunQuarantine(const QuarantineCommand& command);

}  // namespace holdfast
