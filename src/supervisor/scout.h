// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ipc/scout_options.h"
#include "supervisor/credential_watch.h"

namespace holdfast {

// Runs a scout until its channel ends: it looks at the model folders and at the files of the ports'
// credentials, of which `check` says whether they can be used, and tells the supervisor what they
// hold. A process of its own, because a file system may hang whoever looks at it.
// Returns the exit code.
int RunScout(const ScoutOptions& options, CredentialWatch::Check check);

}  // namespace holdfast
