// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ipc/gateway_options.h"

namespace holdfast {

// Owns the client connections and the requests until they are answered. Everything runs on one
// loop; descriptors 3 to 6 are the supervisor's (see ipc/gateway_options.h). Returns the exit code:
// 0 after a drain or when the supervisor is gone.
int RunGateway(const GatewayOptions& options);

}  // namespace holdfast
