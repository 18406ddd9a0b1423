// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "gateway/http/face.h"

namespace holdfast {

// The Open Inference Protocol's answer to `call`: JSON, or JSON with the tensor's bytes behind it
// and their border in the header Inference-Header-Content-Length.
HttpAnswer RenderInferenceProtocol(const ParsedCall& call, const ServableDescription& servable,
                                   const std::vector<ItemOutcome>& outcomes);

}  // namespace holdfast
