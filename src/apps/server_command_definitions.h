// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/command_definitions.h"

namespace holdfast {

// The commands that ask a running server, most of them at its admin address.
CommandDefinition DefineHealthcheck();
CommandDefinition DefineDeaths();
CommandDefinition DefineTop();
CommandDefinition DefineQuarantine();
CommandDefinition DefineModels();
CommandDefinition DefineDrill();

}  // namespace holdfast
