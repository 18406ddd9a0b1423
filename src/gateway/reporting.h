// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gateway/inference_service.h"
#include "gateway/metrics.h"
#include "gateway/report/span_exporter.h"
#include "gateway/request_journal.h"
#include "ipc/gateway_options.h"
#include "telemetry/log.h"
#include "telemetry/pipe_sink.h"

namespace holdfast {

// What the gateway tells others of its own accord: lines of metrics for CloudWatch every interval,
// traces to a collector, a line of a request in the log; each as far as the options want it. Lives
// on the gateway's loop.
class Reporting {
 public:
  Reporting(boost::asio::io_context& loop, const GatewayOptions& options,
            InferenceService& inference, Metrics& metrics, Log& log);

  RequestJournal& journal() { return journal_; }
  // From now on, for as long as the loop turns.
  void Start();
  // Lines that could not be written have their next chance.
  void Flush() { sink_.Flush(); }
  // The last words of a gateway that ends in order; takes half a second at most.
  boost::asio::awaitable<void> End();

 private:
  std::optional<SpanExporter> MakeExporter();
  std::function<void(std::vector<Span>)> SpanTaker();
  void LogExportFailure(const std::string& error);
  boost::asio::awaitable<void> WriteMetrics();
  void WriteMetricLines();

  boost::asio::io_context& loop_;
  const GatewayOptions& options_;
  InferenceService& inference_;
  Metrics& metrics_;
  Log& log_;
  PipeSink sink_;
  TimePoint failure_logged_ = TimePoint::min();
  std::optional<SpanExporter> spans_;
  RequestJournal journal_;
};

}  // namespace holdfast
