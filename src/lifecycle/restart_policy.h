// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "base/time.h"

namespace holdfast {

// When a process that failed may start again: at once if it had been of use, later and later if it
// dies before that, and not at all once the crash budget is spent.
class RestartPolicy {
 public:
  struct Options {
    std::size_t failures_max = 5;  // Within `window`: the crash budget.
    Duration window = std::chrono::seconds(60);
    Duration first_delay = std::chrono::milliseconds(100);
    Duration delay_max = std::chrono::seconds(10);
    double jitter = 0.10;  // So that a fleet does not restart in step.
  };
  RestartPolicy(Options options, std::uint64_t seed);

  // A process died before it was of use. Returns when the next may start; kNever: budget spent.
  TimePoint Failed(TimePoint now);
  // A process became ready: what was wrong is mended.
  void Succeeded();

  std::size_t RemainingBudget(TimePoint now);

 private:
  void Forget(TimePoint now);
  double Jitter();

  Options options_;
  std::uint64_t random_;
  std::deque<TimePoint> failures_;
};

}  // namespace holdfast
