// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ipc/scout_options.h"

namespace holdfast {

// Runs a scout until its channel ends: it looks at the model folders and tells the supervisor what
// they hold. A process of its own, because a file system may hang whoever looks at it.
// Returns the exit code.
int RunScout(const ScoutOptions& options);

}  // namespace holdfast
