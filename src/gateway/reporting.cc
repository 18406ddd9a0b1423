// SPDX-License-Identifier: Apache-2.0
#include "gateway/reporting.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <utility>

#include "gateway/coroutine.h"
#include "os/steady_clock.h"
#include "os/wall_clock.h"
#include "telemetry/embedded_metrics.h"

namespace holdfast {
namespace {

namespace asio = boost::asio;

// A collector may be away for hours.
constexpr auto kFailureLogPeriod = std::chrono::minutes(1);
// For the spans that are left when the server ends.
constexpr auto kGoodbye = std::chrono::milliseconds(500);

}  // namespace

Reporting::Reporting(asio::io_context& loop, const GatewayOptions& options,
                     InferenceService& inference, Metrics& metrics, Log& log)
    : loop_(loop),
      options_(options),
      inference_(inference),
      metrics_(metrics),
      log_(log),
      sink_(kGatewayMetricsFd),
      spans_(MakeExporter()),
      journal_({.access_log_percent = options.access_log_percent,
                .trace_percent = options.trace_percent},
               metrics, log, SpanTaker()) {}

void Reporting::Start() {
  if (options_.successor > 0) metrics_.interval().GatewayRestarted();
  if (options_.emf_interval.count() > 0) asio::co_spawn(loop_, WriteMetrics(), asio::detached);
  if (spans_.has_value()) asio::co_spawn(loop_, spans_->Run(), asio::detached);
}

asio::awaitable<void> Reporting::End() {
  if (options_.emf_interval.count() > 0) {
    metrics_.interval().RequestsLost(metrics_.in_flight());
    WriteMetricLines();
  }
  if (spans_.has_value()) co_await spans_->Finish(Now() + kGoodbye);
  sink_.Flush();
}

std::optional<SpanExporter> Reporting::MakeExporter() {
  if (options_.trace_endpoint.empty()) return std::nullopt;
  Result<HttpUrl> collector = ParseHttpUrl(options_.trace_endpoint);
  if (!collector) {
    LogExportFailure(collector.error().message);
    return std::nullopt;
  }
  return std::make_optional<SpanExporter>(
      loop_, *std::move(collector), options_.service_name,
      SpanExporter::Events{
          .exported = [this](std::size_t spans) { metrics_.SpansExported(spans); },
          .dropped = [this](std::size_t spans) { metrics_.SpansDropped(spans); },
          .failed = [this](const std::string& error) { LogExportFailure(error); }});
}

std::function<void(std::vector<Span>)> Reporting::SpanTaker() {
  if (!spans_.has_value()) return {};
  return [this](std::vector<Span> spans) { spans_->Take(std::move(spans)); };
}

void Reporting::LogExportFailure(const std::string& error) {
  if (Now() < failure_logged_ + kFailureLogPeriod) return;
  log_.Warning("trace-export", {{"collector", options_.trace_endpoint}, {"error", error}});
  failure_logged_ = Now();
}

asio::awaitable<void> Reporting::WriteMetrics() {
  asio::steady_timer timer(loop_);
  for (;;) {
    timer.expires_after(options_.emf_interval);
    co_await timer.async_wait(kUse);
    WriteMetricLines();
  }
}

void Reporting::WriteMetricLines() {
  const Metrics::Levels levels = inference_.levels();
  const IntervalMetrics::Moment moment{.service = options_.service_name,
                                       .unix_ms = UnixMilliseconds(),
                                       .queued = levels.queued,
                                       .workers_ready = levels.workers_ready,
                                       .busy_seconds = levels.busy_seconds,
                                       .ready_seconds = levels.ready_seconds};
  for (const EmbeddedMetrics& line : metrics_.interval().Take(moment)) {
    sink_.WriteLine(FormatEmbeddedMetrics(line));
  }
}

}  // namespace holdfast
