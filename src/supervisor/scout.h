// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "base/result.h"
#include "ipc/scout_options.h"
#include "supervisor/credential_watch.h"

namespace holdfast {

// Brings the folders up to date from elsewhere; an error says why they may be old. Takes its time.
using Refresh = std::function<Status()>;

// Runs a scout until its channel ends: it looks at the model folders and at the files of the ports'
// credentials, of which `check` says whether they can be used, and tells the supervisor what they
// hold. `refresh` is asked before it looks, once a period and whenever somebody asks. A process of
// its own, because a file system may hang whoever looks at it. Returns the exit code.
int RunScout(const ScoutOptions& options, CredentialWatch::Check check, Refresh refresh = {});

}  // namespace holdfast
