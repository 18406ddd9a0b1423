// SPDX-License-Identifier: Apache-2.0
#include "base/drill_fault.h"

#include <array>

namespace holdfast {
namespace {

constexpr std::array kFaults{DrillFault::kKill, DrillFault::kStop, DrillFault::kOutOfMemory,
                             DrillFault::kGarbage};

}  // namespace

std::span<const DrillFault> DrillFaults() { return kFaults; }

std::string_view DrillFaultWord(DrillFault fault) {
  switch (fault) {
    case DrillFault::kKill:
      return "kill";
    case DrillFault::kStop:
      return "stop";
    case DrillFault::kOutOfMemory:
      return "oom";
    case DrillFault::kGarbage:
      return "garbage";
  }
  return "";
}

std::optional<DrillFault> DrillFaultFromWord(std::string_view word) {
  for (const DrillFault fault : kFaults) {
    if (DrillFaultWord(fault) == word) return fault;
  }
  return std::nullopt;
}

std::optional<DrillFault> DrillFaultFromNumber(std::uint32_t number) {
  for (const DrillFault fault : kFaults) {
    if (static_cast<std::uint32_t>(fault) == number) return fault;
  }
  return std::nullopt;
}

}  // namespace holdfast
