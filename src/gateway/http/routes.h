// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "gateway/http/face.h"

namespace holdfast {

// One path that the server answers, in the notation of api/openapi.yaml.
struct EndpointPath {
  Endpoint endpoint;
  std::string_view path;                  // "/v1/models/{model}:predict"
  std::string_view allow;                 // The methods, as the Allow header lists them.
  Audience audience = Audience::kPublic;  // For a lesser one it does not exist.
  std::optional<ModelsFace> models = {};  // Nothing: whoever's calls these are.
};

std::span<const EndpointPath> EndpointPaths();

// Whether an endpoint is answered without an API key, too: what load balancers ask.
bool IsOpen(Endpoint endpoint);

}  // namespace holdfast
