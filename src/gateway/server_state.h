// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

#include "gateway/access/key_keeper.h"
#include "gateway/idempotent_answers.h"
#include "gateway/inference_service.h"
#include "gateway/metrics.h"
#include "gateway/model_orders.h"
#include "gateway/pipeline_turns.h"
#include "gateway/request_journal.h"
#include "gateway/rollouts.h"
#include "gateway/servable_table.h"
#include "gateway/slow_headers.h"
#include "gateway/tls/port_tls.h"
#include "ipc/gateway_options.h"
#include "os/steady_clock.h"
#include "telemetry/log.h"

namespace holdfast {

// What every connection works with. Lives on the gateway's loop, longer than all of them.
struct ServerState {
  const GatewayOptions& options;
  ServableTable& servables;
  InferenceService& inference;
  Metrics& metrics;
  Log& log;
  RequestJournal& journal;
  ModelOrders& orders;
  Rollouts& rollouts;
  PipelineTurns& pipeline_turns;
  bool draining = false;
  TimePoint begun = Now();
  std::size_t connections = 0;
  SlowHeaders slow_headers;
  PortTls tls{};
  KeyKeeper keys{};
  IdempotentAnswers idempotent{
      {.lifetime = options.idempotency_lifetime, .bytes_max = options.idempotency_bytes_max}};
  std::size_t unwritten = 0;          // Admitted requests whose answer is not yet written.
  std::function<void()> all_written;  // If set: called when the last has been.

  // The answer of an admitted request is on its way, or its client is gone.
  void AnswerWritten() {
    if (--unwritten == 0 && all_written) all_written();
  }
  bool ready() const { return !draining && inference.healthy(); }
};

}  // namespace holdfast
