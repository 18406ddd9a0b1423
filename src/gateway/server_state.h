// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/inference_service.h"
#include "gateway/metrics.h"
#include "gateway/servable_table.h"
#include "ipc/gateway_options.h"
#include "telemetry/log.h"

namespace holdfast {

// What every connection works with. Lives on the gateway's loop, longer than all of them.
struct ServerState {
  const GatewayOptions& options;
  ServableTable& servables;
  InferenceService& inference;
  Metrics& metrics;
  Log& log;
  bool draining = false;
  std::size_t connections = 0;

  bool ready() const { return !draining && inference.healthy(); }
};

}  // namespace holdfast
