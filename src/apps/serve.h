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

// Has the models that lie elsewhere fetched, and names the folder that they came to. Where they
// could not be: the exit code, with which the server ends; somebody has said why.
struct Models {
  MirrorOptions mirror;
  std::optional<int> exit_code;
};
Models BringModels(ServerConfig& config);

// `holdfast serve`: this process becomes the supervisor. The models of `resolved` exist as folders.
// Returns the exit code.
int RunSupervisor(const ResolvedConfig& resolved, const MirrorOptions& mirror);

}  // namespace holdfast
