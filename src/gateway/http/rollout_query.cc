// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/rollout_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include "base/digits.h"
#include "gateway/http/ascii.h"

namespace holdfast {
namespace {

constexpr std::int64_t kDay = 86'400;  // Seconds.
constexpr std::uint64_t kRequestsMax = 1'000'000'000;
constexpr std::size_t kHeaderMax = 100;

// A decimal number within the bounds, both included.
bool ReadNumber(std::string_view text, double least, double most, double& number) {
  double read = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), read);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || !std::isfinite(read) || read < least || read > most) return false;
  number = read;
  return true;
}

bool IsHeaderName(std::string_view name) {
  const auto is_token = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  for (const char c : name) {
    if (!is_token(c)) return false;
  }
  return !name.empty() && name.size() <= kHeaderMax;
}

// NAME or NAME=VALUE.
bool ReadHeader(std::string_view text, RolloutRule& rule) {
  const std::size_t equals = std::min(text.find('='), text.size());
  std::string name = LowerAscii(text.substr(0, equals));
  if (!IsHeaderName(name)) return false;
  if (equals < text.size()) {
    const std::string_view value = text.substr(equals + 1);
    if (value.empty() || value.size() > kHeaderMax || value == "never") return false;
    rule.header_value = value;
  }
  rule.header = std::move(name);
  return true;
}

// The parameters that are decimal numbers.
struct Decimal {
  std::string_view key;
  double RolloutRule::*member;
  double least;
  double most;
  std::string_view words;
};
constexpr std::array kDecimals{
    Decimal{"percent", &RolloutRule::percent, 0, 100, "0 to 100"},
    Decimal{"errors_max", &RolloutRule::errors_max, 0, 1, "0 to 1"},
    Decimal{"invalid_max", &RolloutRule::invalid_max, 0, 1, "0 to 1"},
    Decimal{"latency_max", &RolloutRule::latency_max, 1, 1000, "1 to 1000"},
    Decimal{"disagreement_max", &RolloutRule::disagreement_max, 0, 1, "0 to 1"},
};

// What the parameter takes; empty: it was taken, or is none of ours.
std::string_view Take(std::string_view key, std::string_view value, RolloutRule& rule) {
  const auto decimal = std::ranges::find(kDecimals, key, &Decimal::key);
  if (decimal != kDecimals.end()) {
    const bool read = ReadNumber(value, decimal->least, decimal->most, rule.*decimal->member);
    return read ? std::string_view() : decimal->words;
  }
  if (key == "kind") {
    if (value != "canary" && value != "shadow") return "canary or shadow";
    rule.kind = value == "canary" ? RolloutKind::kCanary : RolloutKind::kShadow;
  } else if (key == "header") {
    if (!ReadHeader(value, rule)) return "a header's name, or NAME=VALUE";
  } else if (key == "window_s") {
    const auto seconds = ParseDigits<std::int64_t>(value);
    if (!seconds || *seconds < 1 || *seconds > kDay) return "1 to 86400";
    rule.window = std::chrono::seconds(*seconds);
  } else if (key == "requests_min") {
    const auto requests = ParseDigits<std::uint64_t>(value);
    if (!requests || *requests < 1 || *requests > kRequestsMax) return "1 to 1000000000";
    rule.requests_min = *requests;
  } else if (key == "promote") {
    if (value != "true" && value != "false") return "true or false";
    rule.promote = value == "true";
  }
  return {};
}

}  // namespace

Result<RolloutRule> ParseRolloutQuery(const RequestTarget& target) {
  RolloutRule rule;
  for (const auto& [key, value] : target.query) {
    const std::string_view expected = Take(key, value, rule);
    if (expected.empty()) continue;
    return Error{Reason::kBadRequest, fmt::format("{}: expected {}", key, expected)};
  }
  return rule;
}

}  // namespace holdfast
