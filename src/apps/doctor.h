// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/command_line.h"

namespace holdfast {

// `holdfast doctor`: examines this host for the server that the command's settings describe.
// Returns the exit code.
int RunDoctor(const DoctorCommand& command);

}  // namespace holdfast
