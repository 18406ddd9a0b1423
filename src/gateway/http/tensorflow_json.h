// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "gateway/http/face.h"

namespace holdfast {

// TensorFlow Serving's JSON, read straight into items: no document tree, so a body costs its own
// size and its items' size at most.

// {"instances": […]} or {"inputs": …}, with "signature_name". Errors as ParseCall's.
CallResult ParsePredictJson(std::string_view json, const ServableDescription& servable,
                            std::size_t items_max);

// {"examples": [{"image": {"b64": "…"}}, …]}. Errors as ParseCall's.
CallResult ParseClassifyJson(std::string_view json, const ServableDescription& servable,
                             std::size_t items_max);

}  // namespace holdfast
