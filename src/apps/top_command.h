// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/command_line.h"

namespace holdfast {

// `holdfast top`: shows a server again and again, until q or Ctrl-C. Returns the exit code.
int RunTop(const TopCommand& command);

}  // namespace holdfast
