// SPDX-License-Identifier: Apache-2.0
#include "apps/serve_gateway.h"

#include "apps/failure.h"
#include "gateway/gateway.h"
#include "ipc/gateway_options.h"
#include "ipc/role_arguments.h"

namespace holdfast {

int RunGateway(std::span<const std::string> words) {
  const Result<RoleArguments> arguments = RoleArguments::Parse(words);
  if (!arguments) return Fail(arguments.error());
  const Result<GatewayOptions> options = GatewayOptionsFrom(*arguments);
  if (!options) return Fail(options.error());
  return RunGateway(*options);
}

}  // namespace holdfast
