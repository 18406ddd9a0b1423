// SPDX-License-Identifier: Apache-2.0
#include "os/host.h"

#include <linux/seccomp.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include "os/cgroup.h"
#include "os/shared_memory.h"

namespace holdfast {
namespace {

std::string FirstWord(const char* file) {
  std::ifstream stream(file);
  std::string word;
  stream >> word;
  return word;
}

std::optional<int> NumberIn(const char* file) {
  std::ifstream stream(file);
  int number = 0;
  if (!(stream >> number)) return std::nullopt;
  return number;
}

// /proc/meminfo counts in KiB.
std::uint64_t MemoryOf(const std::string& wanted) {
  std::ifstream stream("/proc/meminfo");
  std::string key;
  std::string unit;
  std::uint64_t kib = 0;
  while (stream >> key >> kib) {
    if (key == wanted) return kib * 1024;
    std::getline(stream, unit);
  }
  return 0;
}

std::uint64_t FiniteOrMax(rlim_t limit) {
  return limit == RLIM_INFINITY ? std::numeric_limits<std::uint64_t>::max() : limit;
}

std::optional<std::uint64_t> TasksMax(const Cgroup& cgroup) {
  std::optional<std::uint64_t> most = cgroup.TasksLimit();
  rlimit limit{};
  // The limit of a user does not hold root back.
  if (::geteuid() != 0 && ::getrlimit(RLIMIT_NPROC, &limit) == 0 &&
      limit.rlim_cur != RLIM_INFINITY) {
    most = std::min<std::uint64_t>(limit.rlim_cur, most.value_or(limit.rlim_cur));
  }
  return most;
}

std::optional<bool> ClockSynchronised() {
  timex clock{};
  const int state = ::adjtimex(&clock);
  if (state < 0) return std::nullopt;
  return state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
}

std::optional<std::uint64_t> ShmBytes() {
  struct statvfs shm {};
  if (::statvfs("/dev/shm", &shm) != 0) return std::nullopt;
  return std::uint64_t{shm.f_frsize} * shm.f_blocks;
}

bool FiltersCalls() {
  const std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

}  // namespace

Host ReadHost() {
  const Cgroup cgroup;
  Host host;
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
    host.descriptors_max = FiniteOrMax(descriptors.rlim_cur);
    host.descriptors_hard = FiniteOrMax(descriptors.rlim_max);
  }
  host.tasks_max = TasksMax(cgroup);
  host.cpus = AffinityCpus();
  host.cpu_quota = cgroup.CpuQuota();
  host.cpu = ReadCpu();
  host.memory_limit = cgroup.MemoryLimit();
  host.memory_total = MemoryOf("MemTotal:");
  host.swap_total = MemoryOf("SwapTotal:");
  host.killed_together = cgroup.KillsTogether();
  host.counts_oom_kills = cgroup.OomKills().has_value();
  host.overcommit = NumberIn("/proc/sys/vm/overcommit_memory");
  host.listen_queue = NumberIn("/proc/sys/net/core/somaxconn");
  host.clock_source = FirstWord("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  host.clock_synchronised = ClockSynchronised();
  host.seals_memory = MakeSealedMemory("holdfast-doctor", 4096).has_value();
  host.shm_bytes = ShmBytes();
  host.filters_calls = FiltersCalls();
  host.uid = ::geteuid();
  return host;
}

}  // namespace holdfast
