// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/http/face.h"
#include "gateway/server_state.h"

namespace holdfast {

// GET /debug/status: the server at this moment, for whoever looks again and again. Counters are
// since the gateway began; the difference of two looks is what happened in between.
HttpAnswer AnswerStatus(const ServerState& state);

}  // namespace holdfast
