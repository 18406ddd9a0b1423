// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "ipc/arena.h"
#include "ipc/description.h"

namespace holdfast {

// Whether a worker's answer can be an answer of `servable` to `item`. A worker that says otherwise
// is not to be believed again. Both of these:
Status CheckAnswer(const ServableDescription& servable, ItemId item, const WorkerAnswer& answer);

// The id matches, the reason is one that workers give, and there is a score a class: whatever the
// item was.
Status CheckForm(const ServableDescription& servable, ItemId item, const WorkerAnswer& answer);

// Every score is finite, they are not all the same, and probabilities are some and sum to one. What
// a client's tensor can upset.
Status CheckScores(const ServableDescription& servable, const WorkerAnswer& answer);

// Whether the answer's highest score is that of `expected`.
Status CheckGolden(const WorkerAnswer& answer, std::uint32_t expected);

}  // namespace holdfast
