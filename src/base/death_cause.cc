// SPDX-License-Identifier: Apache-2.0
#include "base/death_cause.h"

#include <array>

namespace holdfast {
namespace {

constexpr std::array<std::string_view, 13> kWords{
    "unknown",      "exit",           "signal",         "killed-from-outside", "out-of-memory",
    "hung",         "invalid-output", "broke-protocol", "start-timeout",       "outgrown",
    "gateway-gone", "drained",        "unloaded"};
static_assert(kWords.size() == static_cast<std::size_t>(DeathCause::kUnloaded) + 1);

}  // namespace

std::string_view DeathCauseWord(DeathCause cause) {
  const auto index = static_cast<std::size_t>(cause);
  return index < kWords.size() ? kWords[index] : kWords[0];
}

std::optional<DeathCause> DeathCauseFromNumber(std::uint32_t number) {
  if (number >= kWords.size()) return std::nullopt;
  return static_cast<DeathCause>(number);
}

}  // namespace holdfast
