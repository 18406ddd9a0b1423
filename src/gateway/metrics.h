// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/death_cause.h"
#include "base/drill_fault.h"
#include "base/reason.h"
#include "base/time.h"
#include "gateway/report/interval_metrics.h"
#include "gateway/tls/handshake_failure.h"
#include "gateway/tls/tls_context.h"
#include "model/model_key.h"

namespace holdfast {

// What the gateway counts, under the names of docs/reference/metrics.md.
//
// accepted: inference requests whose body has been read. answered: those whose answer was handed to
// the connection. abandoned: those whose client went away first. At any instant
//   accepted − answered − abandoned − in flight = 0
// and holdfast_requests_unaccounted shows it.
class Metrics {
 public:
  Metrics();

  void RequestAccepted();
  void RequestAnswered();
  void RequestAbandoned();
  // Any request, probes and refusals included.
  void ResponseSent(std::string_view endpoint, int status, Duration latency);
  // One that asked for an inference; `model`: its name, empty where none was found.
  void InferenceEnded(const std::string& model, int status, Duration latency) {
    interval_.InferenceEnded(model, status, latency);
  }
  void Refused(Reason reason);
  void ItemServed(const ModelKey& model, Duration queue, std::uint32_t preprocess_us,
                  std::uint32_t infer_us);
  void ItemRescued();
  void WorkerExited(const std::string& model, DeathCause cause);
  // From a ready worker's loss until its slot's next worker was ready.
  void WorkerReplaced(Duration after);
  void InvalidOutput(const std::string& model);
  void GoldenFailed(const std::string& model);
  // `result`: "ok", or the word of the reason why not.
  void ModelLoaded(const std::string& model, std::string_view result);
  void HostSlept();
  void Quarantined();
  void Drilled(DrillFault fault);
  void HandshakeFailed(TlsPort port, HandshakeFailure failure);
  // A request with a key that is known: let in, or over its quota.
  void KeyShown(std::string_view name, bool let_in);
  // A request with an Idempotency-Key that did not run: answered as the first one, or refused.
  void IdempotentRequest(std::string_view outcome);
  // --- A version on trial, "NAME/VERSION" ---
  // A request that an arm ("new", "current") was asked for, and what it came to.
  void RolloutRequest(const std::string& model, std::string_view arm, std::string_view result);
  void RolloutCompared(const std::string& model, bool agree);
  // Of the requests that it gets, 0 to 1.
  void RolloutShare(const std::string& model, double share);
  // `end`: what it was rolled back for, "promoted", or "other".
  void RolloutEnded(const std::string& model, std::string_view end);
  // Spans that a collector has taken, and that nobody will get.
  void SpansExported(std::size_t spans);
  void SpansDropped(std::size_t spans);
  // Unix time, in seconds.
  void CertificateEnds(std::int64_t at);

  struct Levels {
    std::size_t queued = 0;
    std::size_t running = 0;
    std::size_t workers_ready = 0;
    std::size_t connections = 0;
    std::size_t bytes = 0;
    double busy_seconds = 0;   // Workers' time with an item, since the gateway began.
    double ready_seconds = 0;  // Workers' time in their place.
    std::size_t idempotent_bytes = 0;
    bool ready = false;
  };
  // The Prometheus text format, 0.0.4.
  std::string Render(const Levels& levels);

  std::uint64_t in_flight() const { return accepted_ - answered_ - abandoned_; }
  std::uint64_t rescued() const { return static_cast<std::uint64_t>(rescued_.Value()); }
  // What has been counted since it was asked last.
  IntervalMetrics& interval() { return interval_; }

 private:
  prometheus::Counter& AddCounter(const char* name, const char* help);
  prometheus::Gauge& AddGauge(const char* name, const char* help);

  prometheus::Registry registry_;
  IntervalMetrics interval_;
  std::uint64_t accepted_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t abandoned_ = 0;
  prometheus::Counter& accepted_counter_;
  prometheus::Counter& answered_counter_;
  prometheus::Counter& abandoned_counter_;
  prometheus::Gauge& in_flight_;
  prometheus::Gauge& unaccounted_;
  prometheus::Counter& rescued_;
  prometheus::Counter& host_slept_;
  prometheus::Counter& quarantined_;
  prometheus::Counter& spans_exported_;
  prometheus::Counter& spans_dropped_;
  prometheus::Counter& busy_seconds_;
  prometheus::Counter& ready_seconds_;
  prometheus::Gauge& queue_items_;
  prometheus::Gauge& running_items_;
  prometheus::Gauge& held_bytes_;
  prometheus::Gauge& idempotent_bytes_;
  prometheus::Gauge& workers_ready_;
  prometheus::Gauge& connections_;
  prometheus::Gauge& ready_;
  prometheus::Family<prometheus::Counter>& responses_;
  prometheus::Family<prometheus::Counter>& refused_;
  prometheus::Family<prometheus::Counter>& worker_exits_;
  prometheus::Family<prometheus::Counter>& invalid_outputs_;
  prometheus::Family<prometheus::Counter>& golden_failures_;
  prometheus::Family<prometheus::Counter>& drill_faults_;
  prometheus::Family<prometheus::Counter>& model_loads_;
  prometheus::Family<prometheus::Counter>& handshake_failures_;
  prometheus::Family<prometheus::Gauge>& certificate_end_;
  prometheus::Family<prometheus::Counter>& key_requests_;
  prometheus::Family<prometheus::Counter>& idempotent_requests_;
  prometheus::Family<prometheus::Counter>& rollout_requests_;
  prometheus::Family<prometheus::Counter>& rollout_compared_;
  prometheus::Family<prometheus::Gauge>& rollout_share_;
  prometheus::Family<prometheus::Counter>& rollouts_ended_;
  prometheus::Histogram& respawn_;
  prometheus::Family<prometheus::Histogram>& latency_;
  prometheus::Family<prometheus::Histogram>& stages_;
};

}  // namespace holdfast
