// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "apps/command_line.h"

namespace holdfast {

// docs/reference/cli.md and docs/reference/configuration.md, in Markdown. A test compares the files
// with these.
std::string RenderCommandReference(const std::vector<CommandRow>& commands);
std::string RenderConfigurationReference();

}  // namespace holdfast
