// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace holdfast {

// A server at one moment, as its /debug/status tells it.
struct RemoteStatus {
  struct Worker {
    std::string model;
    std::uint64_t slot = 0;
    std::uint64_t generation = 0;
    std::uint64_t pid = 0;
    std::string state;  // "idle", "busy", "starting".
    std::uint64_t busy_ms = 0;
    std::uint64_t age_ms = 0;
    std::uint64_t answered = 0;
  };
  struct Error {
    std::string reason;
    std::uint64_t count = 0;
    std::uint64_t last_unix_ms = 0;
    std::string advice;
  };
  std::string version;
  std::uint64_t unix_ms = 0;
  std::uint64_t uptime_ms = 0;
  bool ready = false;
  bool draining = false;
  std::uint64_t answered = 0;  // Since the gateway began, as the next four.
  std::uint64_t refused = 0;
  std::uint64_t failed = 0;
  std::uint64_t mistakes = 0;
  std::uint64_t rescues = 0;
  std::uint64_t in_flight = 0;
  std::vector<std::uint64_t> latency_bounds_ms;
  std::vector<std::uint64_t> latency_counts;  // One more than bounds.
  std::uint64_t queued = 0;
  std::uint64_t queue_max = 0;
  std::uint64_t busy_ms = 0;  // Over all workers.
  std::uint64_t ready_ms = 0;
  std::vector<Worker> workers;
  std::vector<Error> errors;
};
// kInternal for what no holdfast server writes.
Result<RemoteStatus> ParseStatus(const std::string& json);

// What happened between two looks.
struct StatusChange {
  double answered_per_s = 0;
  double refused_per_s = 0;
  std::optional<double> p50_ms;  // Nothing without requests; infinite above the last bound.
  std::optional<double> p99_ms;
  std::optional<double> busy;  // Share of the workers' time, 0 to 1.
};
// Nothing where `later` is not later. A gateway that was replaced in between counts from zero.
std::optional<StatusChange> Between(const RemoteStatus& earlier, const RemoteStatus& later);

}  // namespace holdfast
