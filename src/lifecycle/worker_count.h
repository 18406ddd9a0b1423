// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace holdfast {

// What the host grants, as read from the kernel.
struct HostResources {
  std::uint32_t affinity_cpus = 1;            // sched_getaffinity.
  std::optional<double> quota_cpus;           // cgroup's CPU quota ÷ period.
  std::optional<std::uint64_t> memory_limit;  // cgroup's limit, bytes.
};

// How many workers to run, and the sentence that says why.
struct WorkerCount {
  std::uint32_t workers = 1;
  std::string why;
};

// One worker per core that the cgroup grants (quota ∩ affinity); `asked` (0: none) overrules it.
WorkerCount ChooseWorkerCount(const HostResources& host, std::uint32_t asked);

}  // namespace holdfast
