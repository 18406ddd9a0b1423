// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

namespace holdfast {

// How many processes can run at once: one on each CPU of `affinity_cpus`, but no more than
// `quota_cpus` pays for; a part of a CPU counts as a whole one.
inline std::uint32_t GrantedCores(std::uint32_t affinity_cpus, std::optional<double> quota_cpus) {
  const std::uint32_t cores = std::max(affinity_cpus, 1u);
  if (!quota_cpus.has_value()) return cores;
  const double granted = std::max(1.0, std::ceil(*quota_cpus));
  return granted < cores ? static_cast<std::uint32_t>(granted) : cores;
}

}  // namespace holdfast
