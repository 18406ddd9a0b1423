// SPDX-License-Identifier: Apache-2.0
#include "os/cgroup.h"

#include <sched.h>

#include <fstream>
#include <limits>
#include <sstream>
#include <string>

namespace holdfast {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> FirstWord(const fs::path& file) {
  std::ifstream stream(file);
  std::string word;
  if (!(stream >> word)) return std::nullopt;
  return word;
}

std::optional<std::uint64_t> Number(const std::optional<std::string>& word) {
  if (!word.has_value() || word->empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char digit : *word) {
    if (digit < '0' || digit > '9') return std::nullopt;  // "max", "-1".
    if (__builtin_mul_overflow(value, std::uint64_t{10}, &value) ||
        __builtin_add_overflow(value, static_cast<std::uint64_t>(digit - '0'), &value)) {
      return std::nullopt;
    }
  }
  return value;
}

// The number behind `key` in a file of "key number" lines.
std::optional<std::uint64_t> NumberOfKey(const fs::path& file, const std::string& key) {
  std::ifstream stream(file);
  std::string name;
  std::uint64_t value = 0;
  while (stream >> name >> value) {
    if (name == key) return value;
  }
  return std::nullopt;
}

bool HasController(const std::string& list, const std::string& wanted) {
  std::stringstream stream(list);
  std::string name;
  while (std::getline(stream, name, ',')) {
    if (name == wanted) return true;
  }
  return false;
}

}  // namespace

Cgroup::Cgroup(fs::path root) : root_(std::move(root)) {
  std::error_code error;
  unified_ = fs::exists(root_ / "sys/fs/cgroup/cgroup.controllers", error);
  cpu_ = FolderOf("cpu");
  memory_ = FolderOf("memory");
  pids_ = FolderOf("pids");
}

// Inside a container without a cgroup namespace, /proc/self/cgroup names a path of the host that is
// not below the mount: the container's own group is the mount's root.
fs::path Cgroup::FolderOf(const char* v1_controller) const {
  const fs::path mount =
      unified_ ? root_ / "sys/fs/cgroup" : root_ / "sys/fs/cgroup" / v1_controller;
  std::ifstream stream(root_ / "proc/self/cgroup");
  std::string line;
  while (std::getline(stream, line)) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (unified_ ? !controllers.empty() : !HasController(controllers, v1_controller)) continue;
    const fs::path folder = mount / fs::path(line.substr(second + 1)).relative_path();
    std::error_code error;
    if (fs::exists(folder, error)) return folder;
  }
  return mount;
}

std::optional<double> Cgroup::CpuQuota() const {
  std::optional<std::uint64_t> quota;
  std::optional<std::uint64_t> period;
  if (unified_) {
    std::ifstream stream(cpu_ / "cpu.max");
    std::string quota_word;
    std::string period_word;
    if (!(stream >> quota_word >> period_word)) return std::nullopt;
    quota = Number(quota_word);
    period = Number(period_word);
  } else {
    quota = Number(FirstWord(cpu_ / "cpu.cfs_quota_us"));
    period = Number(FirstWord(cpu_ / "cpu.cfs_period_us"));
  }
  if (!quota.has_value() || !period.has_value() || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<std::uint64_t> Cgroup::MemoryLimit() const {
  const auto limit =
      Number(FirstWord(memory_ / (unified_ ? "memory.max" : "memory.limit_in_bytes")));
  // v1 says "no limit" with a number next to the largest.
  constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 60;
  return limit.has_value() && *limit < kNoLimit ? limit : std::nullopt;
}

std::optional<std::uint64_t> Cgroup::MemoryUsage() const {
  return Number(FirstWord(memory_ / (unified_ ? "memory.current" : "memory.usage_in_bytes")));
}

std::optional<std::uint64_t> Cgroup::MemoryHeld() const {
  const auto usage = MemoryUsage();
  const auto unused =
      NumberOfKey(memory_ / "memory.stat", unified_ ? "inactive_file" : "total_inactive_file");
  if (!usage.has_value()) return std::nullopt;
  return *usage - std::min(*usage, unused.value_or(0));
}

std::optional<std::uint64_t> Cgroup::TasksLimit() const {
  return Number(FirstWord(pids_ / "pids.max"));
}

std::optional<bool> Cgroup::KillsTogether() const {
  const auto together = Number(FirstWord(memory_ / "memory.oom.group"));
  if (!together.has_value()) return std::nullopt;
  return *together != 0;
}

std::optional<std::uint64_t> Cgroup::OomKills() const {
  return NumberOfKey(memory_ / (unified_ ? "memory.events" : "memory.oom_control"), "oom_kill");
}

std::uint32_t AffinityCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::uint32_t>(CPU_COUNT(&set));
}

}  // namespace holdfast
