// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "os/cpu.h"

namespace holdfast {

// What this process finds around it, read once and changed in nothing. What cannot be read is
// nothing, or empty.
struct Host {
  std::uint64_t descriptors_max = 0;  // The soft limit, which counts.
  std::uint64_t descriptors_hard = 0;
  std::optional<std::uint64_t> tasks_max;  // Processes and threads: of the group or the user.
  std::uint32_t cpus = 1;                  // That it may run on.
  std::optional<double> cpu_quota;
  Cpu cpu;
  std::optional<std::uint64_t> memory_limit;  // The control group's, bytes.
  std::uint64_t memory_total = 0;             // The machine's, bytes.
  std::uint64_t swap_total = 0;
  std::optional<bool> killed_together;  // Cgroup::KillsTogether().
  bool counts_oom_kills = false;
  std::optional<int> overcommit;    // vm.overcommit_memory.
  std::optional<int> listen_queue;  // net.core.somaxconn.
  std::string clock_source;
  std::optional<bool> clock_synchronised;  // With other clocks, as the kernel knows.
  bool seals_memory = false;               // memfd_create with seals works.
  std::optional<std::uint64_t> shm_bytes;  // Of /dev/shm.
  bool filters_calls = false;              // The kernel has seccomp filters.
  std::uint32_t uid = 0;
};
Host ReadHost();

}  // namespace holdfast
