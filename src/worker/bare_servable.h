// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/backend.h"
#include "base/result.h"
#include "model/servable.h"

namespace holdfast {

// Whether the graph ends in a softmax: on a few very different inputs every row is non-negative and
// sums to one. Errors are Session::Run's.
Result<OutputKind> DetectOutput(Session& session);

// Settles by the graph what a folder without a model.toml leaves open, and adds what it chose to
// the assumptions: the place of the three channels, the size of the input, bytes or floats, and
// what the outputs are. Means and deviations no graph tells: they stay the defaults.
Status AssumeFromGraph(Session& session, Servable& servable);

}  // namespace holdfast
