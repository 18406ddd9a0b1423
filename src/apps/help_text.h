// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/command_line.h"

namespace holdfast {

// The help of a command, or with an empty or unknown name that of all of them; 80 columns.
std::string RenderHelp(std::string_view command, const std::vector<CommandRow>& commands);

// "holdfast pack [OPTION]... MODEL": the first line of help, man page and reference.
std::string FormatUsage(const CommandRow& command);
// "--http-port, --rest-api-port PORT"
std::string FormatSpellings(const OptionRow& option);
// The help with what one must know besides: default, repeated, required.
std::string FormatOptionHelp(const OptionRow& option);

// A command's exit code and when it is given.
struct ExitCodeRow {
  int code;
  std::string_view meaning;
};
const std::vector<ExitCodeRow>& ExitCodes();

}  // namespace holdfast
