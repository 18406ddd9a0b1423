// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/resolve_config.h"
#include "apps/settings.h"

namespace holdfast {

// Takes a value that the file gives; returns what is wrong with it, or nothing.
using TakeValue = std::function<std::optional<std::string>(
    const Setting& setting, std::string_view text, const std::string& where)>;

// Reads a TOML file of settings, one key each at its top level, and hands each value to `take`.
// Everything that is wrong is added to `problems` with its line.
void ReadConfigFile(const std::filesystem::path& file, const TakeValue& take,
                    std::vector<ConfigProblem>& problems);
// The same of a file's text.
void ParseConfigText(std::string_view text, std::string_view file_name, const TakeValue& take,
                     std::vector<ConfigProblem>& problems);

}  // namespace holdfast
