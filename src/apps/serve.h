// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/resolve_config.h"
#include "base/result.h"
#include "supervisor/options.h"

namespace holdfast {

// What the supervisor is to do by this configuration; its models exist as folders. Reads them, the
// certificates and the keys; starts nothing. kNotFound, kInsufficientResources, kUsage, … as
// `serve` ends with them.
Result<SupervisorOptions> ToSupervisorOptions(const ServerConfig& config);

// `holdfast serve`: this process becomes the supervisor. The models of `resolved` exist as folders.
// Returns the exit code.
int RunSupervisor(const ResolvedConfig& resolved);

}  // namespace holdfast
