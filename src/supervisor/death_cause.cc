// SPDX-License-Identifier: Apache-2.0
#include "supervisor/death_cause.h"

#include <fmt/format.h>

#include <csignal>

#include "ipc/zygote_options.h"

namespace holdfast {
namespace {

bool ComesFromOutside(int signal) {
  return signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT ||
         signal == SIGKILL;
}

}  // namespace

DeathExplainer::Explanation DeathExplainer::Explain(const ExitStatus& status,
                                                    std::optional<DeathCause> ours) {
  const bool counted = OomKillCounted();
  if (ours.has_value()) {
    return {*ours, fmt::format("ended by holdfast: {}", DeathCauseWord(*ours))};
  }
  if (!status.signalled) {
    if (status.number == kExitOutOfMemory) {
      return {DeathCause::kOutOfMemory, "an allocation failed; " + DescribeMemory()};
    }
    return {DeathCause::kExited, "it left by itself"};
  }
  if (status.number == SIGKILL && counted) {
    return {DeathCause::kOutOfMemory, "killed by the kernel for memory; " + DescribeMemory()};
  }
  if (ComesFromOutside(status.number)) {
    return {DeathCause::kKilledFromOutside, "a signal that holdfast did not send"};
  }
  return {DeathCause::kSignalled, "a fault of its own"};
}

bool DeathExplainer::OomKillCounted() {
  const auto now = cgroup_.OomKills();
  const bool counted = now.has_value() && oom_kills_.has_value() && *now > *oom_kills_;
  oom_kills_ = now;
  return counted;
}

std::string DeathExplainer::DescribeMemory() const {
  const auto limit = cgroup_.MemoryLimit();
  const auto usage = cgroup_.MemoryUsage();
  const auto mib = [](const std::optional<std::uint64_t>& bytes) {
    return bytes.has_value() ? fmt::format("{} MiB", *bytes >> 20) : std::string("none");
  };
  return fmt::format("limit {}, in use now {}", mib(limit), mib(usage));
}

}  // namespace holdfast
