// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/backend.h"
#include "base/result.h"

namespace holdfast {

// Whether this process may fork now. A fork copies one thread; any other would be missing in the
// child, perhaps with a lock in hand. Those that an engine is known to keep (`rule`) hold none
// while they wait for work in futex. kInternal: a thread works, and does not pause for a while.
Status CheckForkSafety(ThreadsAfterLoad rule);

}  // namespace holdfast
