// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "apps/server_config.h"
#include "base/result.h"

namespace holdfast {

// Where models are looked for when nothing is configured: ../../models beside a build's
// executables, then the packages' place. Nothing where neither is a folder.
std::optional<std::filesystem::path> DemoRepository(const std::filesystem::path& executable_folder);

// Sees to it that `config` names models, unless clients will: the demo's when it names none. kUsage
// when there are none at all, kNotFound when a folder that is named is missing; both say what to
// do.
Status ChooseModels(ServerConfig& config, const std::filesystem::path& executable_folder);

}  // namespace holdfast
