// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "ipc/arena.h"
#include "ipc/description.h"

namespace holdfast {

// Whether a worker's answer can be an answer of `servable` to `item`: the id matches, every score
// is finite, there is one a class, they are not all the same, and probabilities are some and sum to
// one. A worker that says otherwise is not to be believed again.
Status CheckAnswer(const ServableDescription& servable, ItemId item, const WorkerAnswer& answer);

// Whether the answer's highest score is that of `expected`.
Status CheckCanary(const WorkerAnswer& answer, std::uint32_t expected);

}  // namespace holdfast
