// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <limits>

#include "base/result.h"
#include "ipc/role_arguments.h"
#include "model/model_key.h"

namespace holdfast {

// Whether workers are walled in; kRequired: or do not start.
enum class Sandboxing : std::uint64_t { kOff, kOn, kRequired };

// A worker that runs out of memory and can still say so leaves with this status.
constexpr int kExitOutOfMemory = 71;

// Workers run as the user that the server runs as.
constexpr std::uint64_t kSameUser = std::numeric_limits<std::uint64_t>::max();

// What the supervisor tells a zygote.
struct ZygoteOptions {
  ModelKey key;
  std::filesystem::path folder;  // NAME/VERSION/.
  pid_t supervisor = 0;
  std::uint64_t build = 0;  // BuildDigest() of the supervisor's build.
  Sandboxing sandbox = Sandboxing::kOn;
  std::uint64_t image_pixels_max = 0;
  std::filesystem::path graph_cache;     // Empty: graphs are optimised at each start.
  std::uint64_t worker_uid = kSameUser;  // User and group of its workers.
};
RoleArguments ToArguments(const ZygoteOptions& options);
Result<ZygoteOptions> ZygoteOptionsFrom(const RoleArguments& arguments);

}  // namespace holdfast
