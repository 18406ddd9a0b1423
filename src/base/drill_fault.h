// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace holdfast {

// What an operator's drill does to one worker of a running server.
enum class DrillFault : std::uint32_t {
  kKill = 1,     // SIGKILL.
  kStop,         // SIGSTOP: it hangs.
  kOutOfMemory,  // Its memory may not grow any more.
  kGarbage,      // One word of its next answer is garbled before the answer is checked.
};

std::span<const DrillFault> DrillFaults();
// "kill", "stop", "oom", "garbage".
std::string_view DrillFaultWord(DrillFault fault);
std::optional<DrillFault> DrillFaultFromWord(std::string_view word);
std::optional<DrillFault> DrillFaultFromNumber(std::uint32_t number);

}  // namespace holdfast
