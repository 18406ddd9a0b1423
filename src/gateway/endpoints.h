// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "gateway/http/face.h"
#include "gateway/server_state.h"

namespace holdfast {

// The endpoint's name in metrics: the path without what varies.
std::string_view EndpointName(Endpoint endpoint);

// The model and version that a request asks for.
ModelChoice ChoiceOf(const Route& route);

// Answers a request that needs no worker: probes, metrics, a model's status and metadata.
HttpAnswer AnswerAtOnce(ServerState& state, const Route& route, std::string_view request_id);

}  // namespace holdfast
