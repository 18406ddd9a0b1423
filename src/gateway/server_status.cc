// SPDX-License-Identifier: Apache-2.0
#include "gateway/server_status.h"

#include <chrono>
#include <string>

#include "base/build_id.h"
#include "gateway/encoding/json_writer.h"
#include "gateway/report/advice.h"
#include "os/steady_clock.h"
#include "os/wall_clock.h"

namespace holdfast {
namespace {

std::uint64_t WholeMilliseconds(Duration time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

void AppendBoolean(std::string& json, std::string_view key, bool truth) {
  AppendJsonKey(json, key);
  json += truth ? "true" : "false";
}

template <class Numbers>
void AppendNumbers(std::string& json, std::string_view key, const Numbers& numbers) {
  AppendJsonKey(json, key);
  json += '[';
  for (const auto number : numbers) {
    AppendJsonComma(json);
    json += std::to_string(static_cast<std::uint64_t>(number));
  }
  json += ']';
}

void AppendRequests(std::string& json, const ServerState& state) {
  const RequestTally& tally = state.journal.tally();
  AppendJsonKey(json, "requests");
  json += '{';
  AppendJsonCount(json, "answered", tally.answered());
  AppendJsonCount(json, "refused", tally.refused());
  AppendJsonCount(json, "failed", tally.failed());
  AppendJsonCount(json, "mistakes", tally.mistakes());
  AppendJsonCount(json, "rescues", state.metrics.rescued());
  AppendJsonCount(json, "in_flight", state.metrics.in_flight());
  AppendNumbers(json, "latency_bounds_ms", RequestTally::kBoundsMs);
  AppendNumbers(json, "latency_counts", tally.latencies());
  json += '}';
}

std::string_view StateWord(const InferenceService::WorkerStatus& worker) {
  if (worker.busy) return "busy";
  return worker.ready ? "idle" : "starting";
}

void AppendWorkers(std::string& json, const ServerState& state) {
  AppendJsonKey(json, "workers");
  json += '[';
  for (const InferenceService::WorkerStatus& worker : state.inference.workers()) {
    if (!state.servables.Has(worker.servable)) continue;
    AppendJsonComma(json);
    json += '{';
    AppendJsonText(json, "model", FormatKey(state.servables.Get(worker.servable).key));
    AppendJsonCount(json, "slot", worker.slot.value);
    AppendJsonCount(json, "generation", worker.generation.value);
    AppendJsonCount(json, "pid", worker.pid);
    AppendJsonText(json, "state", StateWord(worker));
    AppendJsonCount(json, "busy_ms", WholeMilliseconds(worker.busy.value_or(Duration::zero())));
    AppendJsonCount(json, "age_ms", WholeMilliseconds(worker.age));
    AppendJsonCount(json, "answered", worker.answered);
    json += '}';
  }
  json += ']';
}

void AppendErrors(std::string& json, const ServerState& state) {
  AppendJsonKey(json, "errors");
  json += '[';
  for (const auto& [reason, error] : state.journal.tally().errors()) {
    AppendJsonComma(json);
    json += '{';
    AppendJsonText(json, "reason", Describe(reason).word);
    AppendJsonCount(json, "count", error.count);
    AppendJsonCount(json, "last_unix_ms", static_cast<std::uint64_t>(error.last_unix_ms));
    AppendJsonText(json, "advice", AdviceOn(reason));
    json += '}';
  }
  json += ']';
}

}  // namespace

HttpAnswer AnswerStatus(const ServerState& state) {
  const Metrics::Levels levels = state.inference.levels();
  std::string json = "{";
  AppendJsonText(json, "version", Version());
  AppendJsonText(json, "build", BuildId());
  AppendJsonCount(json, "unix_ms", static_cast<std::uint64_t>(UnixMilliseconds()));
  AppendJsonCount(json, "uptime_ms", WholeMilliseconds(Now() - state.begun));
  AppendBoolean(json, "ready", state.ready());
  AppendBoolean(json, "draining", state.draining);
  AppendRequests(json, state);
  AppendJsonKey(json, "queue");
  json += '{';
  AppendJsonCount(json, "items", levels.queued);
  AppendJsonCount(json, "items_max", state.options.queue_items_max);
  AppendJsonCount(json, "bytes", levels.bytes);
  json += '}';
  AppendJsonCount(json, "busy_ms", static_cast<std::uint64_t>(levels.busy_seconds * 1e3));
  AppendJsonCount(json, "ready_ms", static_cast<std::uint64_t>(levels.ready_seconds * 1e3));
  AppendJsonCount(json, "connections", state.connections);
  AppendWorkers(json, state);
  AppendErrors(json, state);
  return {.body = json + "}\n"};
}

}  // namespace holdfast
