// SPDX-License-Identifier: Apache-2.0
#include "gateway/report/interval_metrics.h"

#include <algorithm>
#include <utility>

#include "gateway/report/request_ending.h"

namespace holdfast {
namespace {

constexpr const char* kNamespace = "Holdfast";
// A name costs money each month; clients of a multi-model server choose theirs.
constexpr std::size_t kModelsMax = 50;

EmbeddedMetrics::Metric Count(const char* name, std::uint64_t number) {
  return {name, "Count", {static_cast<double>(number)}, false};
}

EmbeddedMetrics::Metric Samples(const char* name, const std::vector<double>& milliseconds) {
  return {name, "Milliseconds", milliseconds, true};
}

}  // namespace

void IntervalMetrics::Ends::Count(int status, Duration latency) {
  switch (EndingOf(status)) {
    case RequestEnding::kAnswered:
      latency_ms.Add(Milliseconds(latency));
      break;
    case RequestEnding::kRefused:
      ++rejected;
      break;
    case RequestEnding::kFailed:
      ++failed;
      break;
    case RequestEnding::kMistake:
      break;
  }
}

IntervalMetrics::Model* IntervalMetrics::Of(const std::string& model) {
  const auto known = models_.find(model);
  if (known != models_.end()) return &known->second;
  if (model.empty() || models_.size() >= kModelsMax) return nullptr;
  return &models_[model];
}

void IntervalMetrics::InferenceEnded(const std::string& model, int status, Duration latency) {
  service_.Count(status, latency);
  if (Model* const own = Of(model)) {
    ++own->ended;
    own->Count(status, latency);
  }
}

void IntervalMetrics::ItemServed(const std::string& model, Duration queue, Duration infer) {
  service_.queue_ms.Add(Milliseconds(queue));
  if (Model* const own = Of(model)) {
    own->queue_ms.Add(Milliseconds(queue));
    own->infer_ms.Add(Milliseconds(infer));
  }
}

void IntervalMetrics::WorkerExited(DeathCause cause) {
  switch (cause) {
    case DeathCause::kOutgrown:
    case DeathCause::kGatewayGone:
    case DeathCause::kDrained:
    case DeathCause::kUnloaded:
      return;
    case DeathCause::kExited:
    case DeathCause::kSignalled:
      ++service_.crashes;
      break;
    case DeathCause::kHung:
      ++service_.hangs;
      break;
    case DeathCause::kOutOfMemory:
      ++service_.out_of_memory;
      break;
    case DeathCause::kKilledFromOutside:
      ++service_.kills;
      break;
    case DeathCause::kUnknown:
    case DeathCause::kInvalidOutput:
    case DeathCause::kBrokeProtocol:
    case DeathCause::kStartTimeout:
      break;
  }
  ++service_.exits;
}

EmbeddedMetrics IntervalMetrics::ServiceMetrics(const Moment& moment) const {
  EmbeddedMetrics metrics{
      .name_space = kNamespace,
      .dimensions = {{"Service", moment.service}},
      .metrics = {Count("Requests", service_.accepted), Count("Answered", service_.answered),
                  Count("Abandoned", service_.abandoned), Count("Failed", service_.failed),
                  Count("Rejected", service_.rejected), Count("Lost", service_.lost),
                  Count("Rescues", service_.rescues), Count("WorkerExits", service_.exits),
                  Count("WorkerCrashes", service_.crashes), Count("WorkerHangs", service_.hangs),
                  Count("WorkerOutOfMemory", service_.out_of_memory),
                  Count("WorkerKills", service_.kills),
                  Count("GatewayRestarts", service_.gateway_restarts),
                  Count("QueueDepth", moment.queued), Count("WorkersReady", moment.workers_ready),
                  Samples("LatencyMs", service_.latency_ms.numbers()),
                  Samples("QueueWaitMs", service_.queue_ms.numbers())},
      .unix_ms = moment.unix_ms};
  const double ready = moment.ready_seconds - ready_seconds_;
  if (ready > 0) {
    const double busy = std::clamp((moment.busy_seconds - busy_seconds_) / ready, 0.0, 1.0);
    metrics.metrics.push_back({"BusyWorkerRatio", "None", {busy}, false});
  }
  return metrics;
}

std::vector<EmbeddedMetrics> IntervalMetrics::Take(const Moment& moment) {
  std::vector<EmbeddedMetrics> lines{ServiceMetrics(moment)};
  for (const auto& [name, model] : models_) {
    lines.push_back({.name_space = kNamespace,
                     .dimensions = {{"Service", moment.service}, {"Model", name}},
                     .metrics = {Count("Requests", model.ended), Count("Failed", model.failed),
                                 Count("Rejected", model.rejected),
                                 Samples("LatencyMs", model.latency_ms.numbers()),
                                 Samples("QueueWaitMs", model.queue_ms.numbers()),
                                 Samples("InferMs", model.infer_ms.numbers())},
                     .unix_ms = moment.unix_ms});
  }
  service_ = {};
  models_.clear();
  busy_seconds_ = moment.busy_seconds;
  ready_seconds_ = moment.ready_seconds;
  return lines;
}

}  // namespace holdfast
