// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/restart_policy.h"

#include <algorithm>

namespace holdfast {

RestartPolicy::RestartPolicy(Options options, std::uint64_t seed)
    : options_(options), random_(seed) {}

TimePoint RestartPolicy::Failed(TimePoint now) {
  Forget(now);
  failures_.push_back(now);
  if (failures_.size() > options_.failures_max) return kNever;
  Duration delay = options_.first_delay;
  for (std::size_t i = 1; i < failures_.size() && delay < options_.delay_max; ++i) delay *= 2;
  delay = std::min(delay, options_.delay_max);
  return now + std::chrono::duration_cast<Duration>(delay * Jitter());
}

void RestartPolicy::Succeeded() { failures_.clear(); }

std::size_t RestartPolicy::RemainingBudget(TimePoint now) {
  Forget(now);
  return options_.failures_max - std::min(options_.failures_max, failures_.size());
}

void RestartPolicy::Forget(TimePoint now) {
  while (!failures_.empty() && now - failures_.front() >= options_.window) failures_.pop_front();
}

// 1 ± jitter, from a splitmix64 step: reproducible from the seed.
double RestartPolicy::Jitter() {
  random_ += 0x9e3779b97f4a7c15u;
  std::uint64_t z = random_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  const double unit = static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
  return 1.0 + options_.jitter * (2.0 * unit - 1.0);
}

}  // namespace holdfast
