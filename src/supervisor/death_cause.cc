// SPDX-License-Identifier: Apache-2.0
#include "supervisor/death_cause.h"

#include <fmt/format.h>

#include <csignal>

#include "ipc/zygote_options.h"

namespace holdfast {
namespace {

// Those whom the kernel kills together have all been reaped after this time.
constexpr auto kReapingTime = std::chrono::seconds(1);

bool ComesFromOutside(int signal) {
  return signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT ||
         signal == SIGKILL;
}

}  // namespace

DeathExplainer::Explanation DeathExplainer::Explain(const ExitStatus& status,
                                                    std::optional<DeathCause> ours, TimePoint now) {
  const bool for_memory = status.signalled && status.number == SIGKILL && TakeOomKill(now);
  if (ours.has_value()) {
    return {*ours, fmt::format("ended by holdfast: {}", DeathCauseWord(*ours))};
  }
  if (!status.signalled) {
    if (status.number == kExitOutOfMemory) {
      return {DeathCause::kOutOfMemory, "an allocation failed; " + DescribeMemory()};
    }
    return {DeathCause::kExited, "it left by itself"};
  }
  if (for_memory) {
    return {DeathCause::kOutOfMemory, "killed by the kernel for memory; " + DescribeMemory()};
  }
  if (ComesFromOutside(status.number)) {
    return {DeathCause::kKilledFromOutside, "a signal that holdfast did not send"};
  }
  return {DeathCause::kSignalled, "a fault of its own"};
}

bool DeathExplainer::TakeOomKill(TimePoint now) {
  const auto kills = cgroup_.OomKills();
  const bool more = kills.has_value() && oom_kills_.has_value() && *kills > *oom_kills_;
  if (!more && now - counted_ > kReapingTime) unexplained_ = 0;
  if (more) {
    unexplained_ += *kills - *oom_kills_;
    counted_ = now;
  }
  oom_kills_ = kills;
  if (unexplained_ == 0) return false;
  --unexplained_;
  return true;
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
