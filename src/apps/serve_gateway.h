// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace holdfast {

// First argument of holdfast-gateway when the supervisor starts it to serve.
constexpr std::string_view kServeGatewayArgument = "serve-gateway";

// `arguments` follow the first one. Returns the exit code.
int RunGateway(std::span<const std::string> arguments);

}  // namespace holdfast
