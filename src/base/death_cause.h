// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast {

// Why a worker process ended, as the supervisor explains it. Metrics and logs use the words.
enum class DeathCause : std::uint32_t {
  kUnknown = 0,
  kExited,             // Left by itself, with a status.
  kSignalled,          // A signal that a program raises by its own fault: SEGV, ABRT, BUS, SYS, …
  kKilledFromOutside,  // SIGKILL or SIGTERM that we did not send, and no OOM kill counted.
  kOutOfMemory,        // SIGKILL, and the cgroup's oom_kill counter moved.
  kHung,               // We killed it: no answer within the hang limit.
  kInvalidOutput,      // We killed it: its answer did not pass validation.
  kBrokeProtocol,      // We killed it: it sent what no worker sends.
  kStartTimeout,       // We killed it: forked, but not ready in time.
  kOutgrown,           // We ended it, between two items: its memory had grown past the ceiling.
  kGatewayGone,        // We ended it: its gateway died, and a fresh one takes its slot.
  kDrained,            // We ended it: shutdown.
  kUnloaded,           // We ended it: its version is served no more.
};

std::string_view DeathCauseWord(DeathCause cause);
std::optional<DeathCause> DeathCauseFromNumber(std::uint32_t number);

// Whether the item that a worker had begun may be blamed for this death.
constexpr bool IsItemsOwn(DeathCause cause) {
  switch (cause) {
    case DeathCause::kExited:
    case DeathCause::kSignalled:
    case DeathCause::kOutOfMemory:
    case DeathCause::kHung:
    case DeathCause::kInvalidOutput:
    case DeathCause::kBrokeProtocol:
      return true;
    case DeathCause::kUnknown:
    case DeathCause::kKilledFromOutside:
    case DeathCause::kStartTimeout:
    case DeathCause::kOutgrown:
    case DeathCause::kGatewayGone:
    case DeathCause::kDrained:
    case DeathCause::kUnloaded:
      return false;
  }
  return false;
}

}  // namespace holdfast
