// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/death_cause.h"
#include "base/time.h"
#include "telemetry/embedded_metrics.h"
#include "telemetry/sample.h"

namespace holdfast {

// What has happened since the last report, as CloudWatch gets it: one set of metrics for the
// service, and one for each model that something happened to. docs/reference/cloudwatch.md lists
// them.
class IntervalMetrics {
 public:
  void RequestAccepted() { ++service_.accepted; }
  void RequestAnswered() { ++service_.answered; }
  void RequestAbandoned() { ++service_.abandoned; }
  // Accepted, and ended without an answer by us.
  void RequestsLost(std::size_t requests) { service_.lost += requests; }
  void InferenceEnded(const std::string& model, int status, Duration latency);
  void ItemServed(const std::string& model, Duration queue, Duration infer);
  void ItemRescued() { ++service_.rescues; }
  void WorkerExited(DeathCause cause);
  void GatewayRestarted() { ++service_.gateway_restarts; }

  struct Moment {
    std::string service;  // The dimension that tells one endpoint from another.
    std::int64_t unix_ms = 0;
    std::size_t queued = 0;
    std::size_t workers_ready = 0;
    double busy_seconds = 0;  // Counted from any begin, as the next.
    double ready_seconds = 0;
  };
  // All lines of the interval that ends now; the next one begins.
  std::vector<EmbeddedMetrics> Take(const Moment& moment);

 private:
  using Times = Sample<kEmbeddedValuesMax>;
  struct Ends {
    std::uint64_t failed = 0;    // 5xx but 503.
    std::uint64_t rejected = 0;  // 429 and 503.
    Times latency_ms;            // Of those that were answered 200.
    Times queue_ms;
    void Count(int status, Duration latency);
  };
  struct Service : Ends {
    std::uint64_t accepted = 0;
    std::uint64_t answered = 0;
    std::uint64_t abandoned = 0;
    std::uint64_t lost = 0;
    std::uint64_t rescues = 0;
    std::uint64_t exits = 0;  // That we did not want.
    std::uint64_t crashes = 0;
    std::uint64_t hangs = 0;
    std::uint64_t out_of_memory = 0;
    std::uint64_t kills = 0;
    std::uint64_t gateway_restarts = 0;
  };
  struct Model : Ends {
    std::uint64_t ended = 0;
    Times infer_ms;
  };
  Model* Of(const std::string& model);
  EmbeddedMetrics ServiceMetrics(const Moment& moment) const;

  Service service_;
  std::map<std::string, Model> models_;
  double busy_seconds_ = 0;  // At the last report, as the next.
  double ready_seconds_ = 0;
};

}  // namespace holdfast
