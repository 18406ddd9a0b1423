// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/server_config.h"
#include "base/result.h"
#include "ipc/mirror_options.h"

namespace holdfast {

// How `config`'s models come here, if they are elsewhere (s3://); `config` then names the folder
// that they come to. kUsage: there is no folder for them.
Result<MirrorOptions> PlanMirror(ServerConfig& config);

// Runs the sibling that fetches, until it has brought what is to be served. It says itself what it
// does and what is wrong.
struct Fetched {
  bool stopped = false;  // SIGTERM or SIGINT came first.
  int exit_code = 0;     // The sibling's.
};
Result<Fetched> FetchModels(const MirrorOptions& mirror);

}  // namespace holdfast
