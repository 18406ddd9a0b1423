// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>

#include "gateway/call/parsed_call.h"

namespace holdfast {

// A request of the Open Inference Protocol v2: {"id", "inputs": [{"name", "shape", "datatype",
// "data"}], "outputs", "parameters"}, read in place. With `json_bytes` only that many bytes are
// JSON, and the tensor's bytes follow (Triton's binary extension); with 0 there is no JSON: the
// body is the picture, or one item's tensor. Errors as ParseCall's.
CallResult ParseInferenceProtocol(ByteView body, std::optional<std::size_t> json_bytes,
                                  const ServableDescription& servable, std::size_t items_max);

}  // namespace holdfast
