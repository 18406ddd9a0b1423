// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/death_cause.h"
#include "os/cgroup.h"
#include "os/process.h"

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
  Explanation Explain(const ExitStatus& status, std::optional<DeathCause> ours);

 private:
  // Whether the kernel has killed for memory since the last question.
  bool OomKillCounted();
  std::string DescribeMemory() const;

  const Cgroup& cgroup_;
  std::optional<std::uint64_t> oom_kills_;
};

}  // namespace holdfast
