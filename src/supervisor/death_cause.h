// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/death_cause.h"
#include "base/time.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "os/steady_clock.h"

namespace holdfast {

// Finds out why a worker ended, from its exit status and from what the kernel counted.
class DeathExplainer {
 public:
  explicit DeathExplainer(const Cgroup& cgroup) : cgroup_(cgroup), oom_kills_(cgroup.OomKills()) {}

  struct Explanation {
    DeathCause cause;
    std::string words;
  };
  // `ours`: why we had killed it, if we had. A worker that saw its channel close may leave with
  // status 0 before our SIGKILL arrives, so our reason comes first.
  Explanation Explain(const ExitStatus& status, std::optional<DeathCause> ours,
                      TimePoint now = Now());

 private:
  // Whether the kernel has lately killed one more for memory than were explained. Several may die
  // before the first is asked about; a kill that fits none of ours is soon forgotten.
  bool TakeOomKill(TimePoint now);
  std::string DescribeMemory() const;

  const Cgroup& cgroup_;
  std::optional<std::uint64_t> oom_kills_;
  std::uint64_t unexplained_ = 0;  // Kills counted and not yet found to be somebody's death.
  TimePoint counted_;              // When the last was.
};

}  // namespace holdfast
