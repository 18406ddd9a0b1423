// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/worker_count.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/granted_cores.h"

namespace holdfast {

std::uint32_t WorkersThatFit(std::uint64_t limit, const MemoryNeeds& needs) {
  const std::uint64_t taken = kServerBytes + needs.models;
  if (limit <= taken) return 0;
  const std::uint64_t share = (limit - taken) / std::max(needs.models_count, 1u);
  const std::uint64_t each = needs.worker + needs.largest_body + kDecodeBytes;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(share / each, std::numeric_limits<std::uint32_t>::max()));
}

WorkerCount ChooseWorkerCount(const HostResources& host, std::uint32_t asked) {
  const std::uint32_t cpus = std::max(host.affinity_cpus, 1u);
  const std::uint32_t cores = GrantedCores(cpus, host.quota_cpus);
  std::string why = fmt::format("{} CPU{} by affinity", cpus, cpus == 1 ? "" : "s");
  why += host.quota_cpus.has_value() ? fmt::format(", {:g} by cgroup quota", *host.quota_cpus)
                                     : std::string(", no cgroup quota");
  if (asked == 0) return {cores, "one per core: " + why};
  std::string text = fmt::format("as asked; {}", why);
  if (asked > cores) text += fmt::format("; more than the {} that run at once", cores);
  return {asked, text};
}

}  // namespace holdfast
