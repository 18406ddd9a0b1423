// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/command_line.h"

namespace holdfast {

// The completion script for "bash", "zsh" or "fish".
std::string RenderCompletion(std::string_view shell, const std::vector<CommandRow>& commands);

}  // namespace holdfast
