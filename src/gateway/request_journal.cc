// SPDX-License-Identifier: Apache-2.0
#include "gateway/request_journal.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/report/request_spans.h"
#include "os/wall_clock.h"

namespace holdfast {
namespace {

// Of requests that went wrong: an overloaded server must not drown in lines about it.
constexpr double kLinesPerSecond = 50;
constexpr int kClientClosedStatus = 499;

// Somebody will ask what happened to it.
bool WentWrong(const RequestRecord& record) { return record.status >= 500 || record.attempts > 1; }

Duration UnixOffset(TimePoint now) {
  return std::chrono::system_clock::now().time_since_epoch() - now.time_since_epoch();
}

}  // namespace

RequestJournal::RequestJournal(Options options, Metrics& metrics, Log& log,
                               std::function<void(std::vector<Span>)> export_spans)
    : options_(options),
      metrics_(metrics),
      log_(log),
      export_spans_(std::move(export_spans)),
      random_(std::random_device{}()),
      tokens_(kLinesPerSecond) {}

void RequestJournal::Answered(const RequestRecord& record, TimePoint now) {
  const Duration latency = now - record.start;
  metrics_.ResponseSent(record.endpoint, record.status, latency);
  if (record.kind == RequestRecord::Kind::kInference) {
    const std::string name = record.model.substr(0, record.model.rfind('/'));
    metrics_.InferenceEnded(name, record.status, latency);
    tally_.Add(record.status, record.reason, latency, UnixMilliseconds());
  }
  Tell(record, now);
}

void RequestJournal::Abandoned(RequestRecord record, TimePoint now) {
  record.status = kClientClosedStatus;
  record.reason = Reason::kClientClosed;
  Tell(record, now);
}

void RequestJournal::Tell(const RequestRecord& record, TimePoint now) {
  if (record.kind == RequestRecord::Kind::kProbe) return;
  if (IsLogged(record, now)) Write(record, now);
  if (export_spans_ && IsTraced(record)) export_spans_(SpansOf(record, now, UnixOffset(now)));
}

bool RequestJournal::Chance(std::uint64_t percent) {
  return percent > 0 && std::uniform_int_distribution<std::uint64_t>(1, 100)(random_) <= percent;
}

bool RequestJournal::IsLogged(const RequestRecord& record, TimePoint now) {
  if (Chance(options_.access_log_percent)) return true;
  if (!WentWrong(record)) return false;
  if (tokens_at_ != TimePoint::min()) {
    tokens_ = std::min(tokens_ + Seconds(now - tokens_at_) * kLinesPerSecond, kLinesPerSecond);
  }
  tokens_at_ = now;
  if (tokens_ < 1) {
    ++unlogged_;
    return false;
  }
  tokens_ -= 1;
  return true;
}

// Who has decided is followed, or the trace would have holes.
bool RequestJournal::IsTraced(const RequestRecord& record) {
  if (record.trace.sampled.has_value()) return *record.trace.sampled;
  return WentWrong(record) || Chance(options_.trace_percent);
}

void RequestJournal::Write(const RequestRecord& record, TimePoint now) {
  Duration queue{0};
  double preprocess_ms = 0;
  double infer_ms = 0;
  for (const ItemTimes& times : record.item_times) {
    queue = std::max(queue, times.dispatched - times.queued);
    preprocess_ms = std::max(preprocess_ms, times.preprocess_us * 1e-3);
    infer_ms = std::max(infer_ms, times.infer_us * 1e-3);
  }
  const bool grpc = record.protocol == RequestRecord::Protocol::kGrpc;
  log_.Info("request", {{"request_id", record.id},
                        {"trace_id", record.trace.trace_id},
                        {"protocol", grpc ? "grpc" : "http"},
                        {"endpoint", record.endpoint},
                        {"client", record.client},
                        {"model", record.model},
                        {"status", record.status},
                        {"reason", Describe(record.reason).word},
                        {"latency_ms", Milliseconds(now - record.start)},
                        {"receive_ms", Milliseconds(record.received - record.admitted)},
                        {"queue_ms", Milliseconds(queue)},
                        {"preprocess_ms", preprocess_ms},
                        {"infer_ms", infer_ms},
                        {"items", record.items},
                        {"attempts", record.attempts},
                        {"request_bytes", record.request_bytes},
                        {"response_bytes", record.response_bytes},
                        {"unlogged", std::exchange(unlogged_, 0)}});
}

}  // namespace holdfast
