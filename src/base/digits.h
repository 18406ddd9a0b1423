// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace holdfast {

// A whole number in decimal digits; nothing for signs, spaces, no text, or more than `Number`
// holds.
template <class Number>
std::optional<Number> ParseDigits(std::string_view text) {
  Number number = 0;
  const char* const end = text.data() + text.size();
  if (text.empty() || text[0] == '-') return std::nullopt;
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || at != end) return std::nullopt;
  return number;
}

}  // namespace holdfast
