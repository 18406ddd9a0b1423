// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/resolve_config.h"

namespace holdfast {

// `holdfast serve`: this process becomes the supervisor. The models of `resolved` exist as folders.
// Returns the exit code.
int RunSupervisor(const ResolvedConfig& resolved);

}  // namespace holdfast
