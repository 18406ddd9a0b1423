// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/command_line.h"

namespace holdfast {

// The commands that ask a running server. Each returns the exit code.
int RunHealthcheck(const HealthcheckCommand& command);
int RunRemoteClassify(const ClassifyCommand& command);

}  // namespace holdfast
