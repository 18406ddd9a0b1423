// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/command_definitions.h"

namespace holdfast {

// The commands that prepare a server for production; see command_definitions.cc.
CommandDefinition DefinePlan();

}  // namespace holdfast
