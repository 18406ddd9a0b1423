// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "ipc/zygote_options.h"

namespace holdfast {

class Backend;

// Loads and warms one model, proves it by its golden examples, says so on descriptor 3, and then
// forks a worker whenever the supervisor orders one. It never sees a client's byte and forks
// only while it has one thread, or each other waits where its engine is known to park it. Returns
// the exit code: 0 when the supervisor closed the channel, 78 when the model is broken (the reason
// is the last line on stderr).
int RunZygote(const ZygoteOptions& options, std::span<Backend* const> backends);

}  // namespace holdfast
