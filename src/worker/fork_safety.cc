// SPDX-License-Identifier: Apache-2.0
#include "worker/fork_safety.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>

#include "os/process.h"
#include "os/steady_clock.h"

namespace holdfast {

// Right after a call a thread may still be on its way to futex, and nothing tells when it has
// arrived.
Status CheckForkSafety(ThreadsAfterLoad rule) {
  constexpr Duration kPatience = std::chrono::milliseconds(200);
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 500'000};
  const std::size_t threads = TRY(CountThreads());
  if (threads == 1) return {};
  if (rule == ThreadsAfterLoad::kNone) {
    return Error{Reason::kInternal,
                 fmt::format("there are {} threads, and a fork needs one", threads)};
  }
  const TimePoint end = Now() + kPatience;
  while (!TRY(OtherThreadsAreParked())) {
    if (Now() >= end) {
      return Error{
          Reason::kInternal,
          fmt::format("one of {} threads works and does not pause: no fork is safe", threads)};
    }
    ::nanosleep(&kPause, nullptr);
  }
  return {};
}

}  // namespace holdfast
