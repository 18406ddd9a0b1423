// SPDX-License-Identifier: Apache-2.0
#include "gateway/metrics.h"

#include <prometheus/text_serializer.h>

#include "base/build_id.h"

namespace holdfast {
namespace {

// From one millisecond, a small model's inference, to the longest deadline.
const prometheus::Histogram::BucketBoundaries kSeconds{
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0};

template <class Builder>
auto& Family(prometheus::Registry& registry, Builder builder, const char* name, const char* help) {
  return builder.Name(name).Help(help).Register(registry);
}

}  // namespace

Metrics::Metrics()
    : accepted_counter_(AddCounter("holdfast_requests_accepted_total",
                                   "Inference requests whose body has been read")),
      answered_counter_(
          AddCounter("holdfast_requests_answered_total", "Accepted requests that were answered")),
      abandoned_counter_(AddCounter("holdfast_requests_abandoned_total",
                                    "Accepted requests whose client went away first")),
      in_flight_(AddGauge("holdfast_requests_in_flight", "Accepted requests not yet answered")),
      unaccounted_(
          AddGauge("holdfast_requests_unaccounted",
                   "accepted - answered - abandoned - in flight: lost requests, always 0")),
      rescued_(AddCounter("holdfast_items_rescued_total",
                          "Items dispatched again because their worker failed")),
      host_slept_(AddCounter("holdfast_host_slept_total",
                             "Times the gateway woke late and gave its workers the time back")),
      quarantined_(
          AddCounter("holdfast_quarantined_total", "Images quarantined for killing their workers")),
      spans_exported_(AddCounter("holdfast_spans_exported_total",
                                 "Spans of traces that the collector has taken")),
      spans_dropped_(AddCounter("holdfast_spans_dropped_total",
                                "Spans of traces that the collector did not take")),
      busy_seconds_(AddCounter("holdfast_worker_busy_seconds_total",
                               "Time that workers had an item, over all of them")),
      ready_seconds_(AddCounter("holdfast_worker_ready_seconds_total",
                                "Time that workers were in their place, over all of them")),
      queue_items_(AddGauge("holdfast_queue_items", "Items that wait for a worker")),
      running_items_(AddGauge("holdfast_running_items", "Items that a worker has")),
      held_bytes_(AddGauge("holdfast_held_bytes", "Bytes of the items in the server")),
      idempotent_bytes_(AddGauge("holdfast_idempotent_bytes",
                                 "Memory of the answers kept for their Idempotency-Key")),
      workers_ready_(AddGauge("holdfast_workers_ready", "Workers that take items")),
      connections_(AddGauge("holdfast_connections", "Open client connections")),
      ready_(AddGauge("holdfast_ready", "1 while /healthz answers 200")),
      responses_(Family(registry_, prometheus::BuildCounter(), "holdfast_responses_total",
                        "HTTP responses by endpoint and status")),
      refused_(Family(registry_, prometheus::BuildCounter(), "holdfast_refused_total",
                      "Requests and items refused, by reason")),
      worker_exits_(Family(registry_, prometheus::BuildCounter(), "holdfast_worker_exits_total",
                           "Worker processes that ended, by cause")),
      invalid_outputs_(Family(registry_, prometheus::BuildCounter(),
                              "holdfast_invalid_outputs_total",
                              "Answers of workers that did not pass validation")),
      golden_failures_(Family(registry_, prometheus::BuildCounter(),
                              "holdfast_golden_failures_total",
                              "Golden examples that idle workers did not classify rightly")),
      drill_faults_(Family(registry_, prometheus::BuildCounter(), "holdfast_drill_faults_total",
                           "Faults that an operator's drill injected, by kind")),
      model_loads_(Family(registry_, prometheus::BuildCounter(), "holdfast_model_loads_total",
                          "Versions of models that were loaded, or were not, by how it ended")),
      handshake_failures_(Family(registry_, prometheus::BuildCounter(),
                                 "holdfast_tls_handshake_failures_total",
                                 "Connections that never came to speak TLS, by why")),
      certificate_end_(Family(registry_, prometheus::BuildGauge(),
                              "holdfast_tls_certificate_end_seconds",
                              "When the certificate in use ends, in Unix time")),
      key_requests_(Family(registry_, prometheus::BuildCounter(), "holdfast_api_key_requests_total",
                           "Requests with a known API key, by its name and whether it was let in")),
      idempotent_requests_(
          Family(registry_, prometheus::BuildCounter(), "holdfast_idempotent_requests_total",
                 "Requests that did not run because of their Idempotency-Key, by what they got")),
      rollout_requests_(
          Family(registry_, prometheus::BuildCounter(), "holdfast_rollout_requests_total",
                 "Requests while a version was on trial, by who was asked and what it came to")),
      rollout_compared_(
          Family(registry_, prometheus::BuildCounter(), "holdfast_rollout_compared_total",
                 "Items that both the version on trial and the current one have answered")),
      rollout_share_(Family(registry_, prometheus::BuildGauge(), "holdfast_rollout_share",
                            "Share of the requests that a canary gets, 0 to 1")),
      rollouts_ended_(Family(registry_, prometheus::BuildCounter(), "holdfast_rollouts_ended_total",
                             "Trials of versions that the gateway ended, by why")),
      respawn_(Family(registry_, prometheus::BuildHistogram(), "holdfast_worker_respawn_seconds",
                      "From the loss of a ready worker until the next one was ready")
                   .Add({}, kSeconds)),
      latency_(Family(registry_, prometheus::BuildHistogram(), "holdfast_request_seconds",
                      "From the request's header to the handed-over answer")),
      stages_(Family(registry_, prometheus::BuildHistogram(), "holdfast_item_stage_seconds",
                     "An item's time by stage: queue, preprocess, infer")) {
  Family(registry_, prometheus::BuildGauge(), "holdfast_build_info", "1, with the build as labels")
      .Add({{"version", std::string(Version())}, {"build", std::string(BuildId())}})
      .Set(1);
}

prometheus::Counter& Metrics::AddCounter(const char* name, const char* help) {
  return Family(registry_, prometheus::BuildCounter(), name, help).Add({});
}

prometheus::Gauge& Metrics::AddGauge(const char* name, const char* help) {
  return Family(registry_, prometheus::BuildGauge(), name, help).Add({});
}

void Metrics::RequestAccepted() {
  ++accepted_;
  interval_.RequestAccepted();
  accepted_counter_.Increment();
  in_flight_.Increment();
}

void Metrics::RequestAnswered() {
  ++answered_;
  interval_.RequestAnswered();
  answered_counter_.Increment();
  in_flight_.Decrement();
}

void Metrics::RequestAbandoned() {
  ++abandoned_;
  interval_.RequestAbandoned();
  abandoned_counter_.Increment();
  in_flight_.Decrement();
}

void Metrics::ResponseSent(std::string_view endpoint, int status, Duration latency) {
  responses_.Add({{"endpoint", std::string(endpoint)}, {"code", std::to_string(status)}})
      .Increment();
  latency_.Add({{"endpoint", std::string(endpoint)}}, kSeconds).Observe(Seconds(latency));
}

void Metrics::Refused(Reason reason) {
  refused_.Add({{"reason", std::string(Describe(reason).word)}}).Increment();
}

void Metrics::ItemServed(const ModelKey& model, Duration queue, std::uint32_t preprocess_us,
                         std::uint32_t infer_us) {
  interval_.ItemServed(model.name, queue, std::chrono::microseconds(infer_us));
  const auto observe = [&](const char* stage, double seconds) {
    stages_.Add({{"model", FormatKey(model)}, {"stage", stage}}, kSeconds).Observe(seconds);
  };
  observe("queue", Seconds(queue));
  observe("preprocess", preprocess_us * 1e-6);
  observe("infer", infer_us * 1e-6);
}

void Metrics::ItemRescued() {
  interval_.ItemRescued();
  rescued_.Increment();
}

void Metrics::WorkerExited(const std::string& model, DeathCause cause) {
  interval_.WorkerExited(cause);
  worker_exits_.Add({{"model", model}, {"cause", std::string(DeathCauseWord(cause))}}).Increment();
}

void Metrics::WorkerReplaced(Duration after) { respawn_.Observe(Seconds(after)); }

void Metrics::InvalidOutput(const std::string& model) {
  invalid_outputs_.Add({{"model", model}}).Increment();
}

void Metrics::GoldenFailed(const std::string& model) {
  golden_failures_.Add({{"model", model}}).Increment();
}

void Metrics::HostSlept() { host_slept_.Increment(); }

void Metrics::Quarantined() { quarantined_.Increment(); }

void Metrics::Drilled(DrillFault fault) {
  drill_faults_.Add({{"fault", std::string(DrillFaultWord(fault))}}).Increment();
}

void Metrics::HandshakeFailed(TlsPort port, HandshakeFailure failure) {
  handshake_failures_
      .Add({{"port", std::string(TlsPortName(port))},
            {"reason", std::string(HandshakeFailureWord(failure))}})
      .Increment();
}

void Metrics::KeyShown(std::string_view name, bool let_in) {
  key_requests_.Add({{"key", std::string(name)}, {"result", let_in ? "ok" : "limited"}})
      .Increment();
}

void Metrics::IdempotentRequest(std::string_view outcome) {
  idempotent_requests_.Add({{"outcome", std::string(outcome)}}).Increment();
}

void Metrics::RolloutRequest(const std::string& model, std::string_view arm,
                             std::string_view result) {
  rollout_requests_
      .Add({{"model", model}, {"arm", std::string(arm)}, {"result", std::string(result)}})
      .Increment();
}

void Metrics::RolloutCompared(const std::string& model, bool agree) {
  rollout_compared_.Add({{"model", model}, {"result", agree ? "agree" : "disagree"}}).Increment();
}

void Metrics::RolloutShare(const std::string& model, double share) {
  rollout_share_.Add({{"model", model}}).Set(share);
}

void Metrics::RolloutEnded(const std::string& model, std::string_view end) {
  rollouts_ended_.Add({{"model", model}, {"end", std::string(end)}}).Increment();
}

void Metrics::SpansExported(std::size_t spans) {
  spans_exported_.Increment(static_cast<double>(spans));
}

void Metrics::SpansDropped(std::size_t spans) {
  spans_dropped_.Increment(static_cast<double>(spans));
}

void Metrics::CertificateEnds(std::int64_t at) {
  certificate_end_.Add({}).Set(static_cast<double>(at));
}

void Metrics::ModelLoaded(const std::string& model, std::string_view result) {
  model_loads_.Add({{"model", model}, {"result", std::string(result)}}).Increment();
}

std::string Metrics::Render(const Levels& levels) {
  queue_items_.Set(static_cast<double>(levels.queued));
  running_items_.Set(static_cast<double>(levels.running));
  held_bytes_.Set(static_cast<double>(levels.bytes));
  idempotent_bytes_.Set(static_cast<double>(levels.idempotent_bytes));
  workers_ready_.Set(static_cast<double>(levels.workers_ready));
  busy_seconds_.Increment(levels.busy_seconds - busy_seconds_.Value());
  ready_seconds_.Increment(levels.ready_seconds - ready_seconds_.Value());
  connections_.Set(static_cast<double>(levels.connections));
  ready_.Set(levels.ready ? 1 : 0);
  // From the counters that are exported, so that a slip in one of them would show.
  unaccounted_.Set(accepted_counter_.Value() - answered_counter_.Value() -
                   abandoned_counter_.Value() - in_flight_.Value());
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace holdfast
