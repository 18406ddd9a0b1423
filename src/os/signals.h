// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <vector>

#include "base/result.h"
#include "os/unique_fd.h"

namespace holdfast {

// Blocks `signals` and makes them readable on a descriptor. SIGPIPE is ignored: a reader that goes
// away must never end a process of ours.
Result<UniqueFd> OpenSignals(std::initializer_list<int> signals);

// The signals that have come, lowest number first, each once; empty when there are none.
std::vector<int> ReadSignals(int fd);

// Default dispositions and an empty mask: both pass through fork and exec, and a worker must have
// neither of its parents'. SIGPIPE stays ignored.
void ResetSignals();

}  // namespace holdfast
