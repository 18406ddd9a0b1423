// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace holdfast {

// What the control group of this process grants and has counted, in cgroup v1 or v2. Files that are
// missing give nothing: a limit that cannot be read is no limit. `root` is / but in tests.
class Cgroup {
 public:
  explicit Cgroup(std::filesystem::path root = "/");

  std::optional<double> CpuQuota() const;            // CPUs: quota ÷ period.
  std::optional<std::uint64_t> MemoryLimit() const;  // Bytes.
  std::optional<std::uint64_t> MemoryUsage() const;  // Bytes.
  // The same without what the kernel gives back when it is short: files that nobody uses just now.
  std::optional<std::uint64_t> MemoryHeld() const;
  // Processes and threads.
  std::optional<std::uint64_t> TasksLimit() const;
  // v2: whether the kernel, when it kills one process of this group for memory, kills all.
  std::optional<bool> KillsTogether() const;
  // How often the kernel has killed a process of this group for memory.
  std::optional<std::uint64_t> OomKills() const;

 private:
  std::filesystem::path FolderOf(const char* v1_controller) const;

  std::filesystem::path root_;
  bool unified_ = false;  // v2.
  std::filesystem::path cpu_;
  std::filesystem::path memory_;
  std::filesystem::path pids_;
};

// CPUs that this process may run on.
std::uint32_t AffinityCpus();

}  // namespace holdfast
