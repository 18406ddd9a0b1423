// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace holdfast {

// What the host grants, as read from the kernel.
struct HostResources {
  std::uint32_t affinity_cpus = 1;   // sched_getaffinity.
  std::optional<double> quota_cpus;  // cgroup's CPU quota ÷ period.
};

// How many workers to run, and the sentence that says why.
struct WorkerCount {
  std::uint32_t workers = 1;
  std::string why;
};

// What is known about memory once models are loaded. Bytes.
struct MemoryNeeds {
  std::uint64_t models = 0;        // All loaded models.
  std::uint64_t worker = 0;        // Each worker of the model in question, after an inference.
  std::uint64_t largest_body = 0;  // Its arena can grow to that.
  std::uint32_t models_count = 1;  // The rest of the limit is shared among them.
};
// What supervisor, gateway and their queues take in any case.
constexpr std::uint64_t kServerBytes = std::uint64_t{48} << 20;
// What decoding a photo of 12 megapixels takes, for a while.
constexpr std::uint64_t kDecodeBytes = std::uint64_t{48} << 20;
// Workers of one model for which `limit` has room; 0: not even one fits.
std::uint32_t WorkersThatFit(std::uint64_t limit, const MemoryNeeds& needs);

// One worker per core that the cgroup grants (quota ∩ affinity); `asked` (0: none) overrules it.
WorkerCount ChooseWorkerCount(const HostResources& host, std::uint32_t asked);

}  // namespace holdfast
