// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "apps/command_line.h"

namespace holdfast {

// holdfast(1), in roff.
std::string RenderManPage(const std::vector<CommandRow>& commands);

}  // namespace holdfast
