// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "apps/server_config.h"
#include "base/result.h"

namespace holdfast {

// Where what can be had again is kept from one start to the next: what --model-cache says, else
// /var/cache/holdfast or a folder in the user's home, the first that can be written to. kUsage:
// none can.
Result<std::filesystem::path> CacheFolder(const ServerConfig& config);

// Where optimised graphs are kept; made if need be. A graph is run as it is found, so the folder is
// our user's and nobody else may write to it. kUsage says why none can be kept.
Result<std::filesystem::path> GraphCacheFolder(const ServerConfig& config);

}  // namespace holdfast
