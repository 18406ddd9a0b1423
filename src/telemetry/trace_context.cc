// SPDX-License-Identifier: Apache-2.0
#include "telemetry/trace_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <random>

namespace holdfast {
namespace {

constexpr std::size_t kTraceIdDigits = 32;
constexpr std::size_t kSpanIdDigits = 16;

bool IsHex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::ranges::all_of(text, [](unsigned char c) {
           return std::isdigit(c) != 0 || (c >= 'a' && c <= 'f');
         });
}

// Ids of zeros stand for none.
bool IsId(std::string_view text, std::size_t digits) {
  return IsHex(text, digits) && text.find_first_not_of('0') != std::string_view::npos;
}

// What stands before `separator`, which goes with it.
std::string_view TakeUntil(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

// "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
std::optional<TraceContext> FromTraceparent(std::string_view text) {
  const std::string_view version = TakeUntil(text, '-');
  const std::string_view trace = TakeUntil(text, '-');
  const std::string_view parent = TakeUntil(text, '-');
  // A later version may have more behind the flags.
  const std::string_view flags = version == "00" ? text : TakeUntil(text, '-');
  if (!IsHex(version, 2) || version == "ff" || !IsId(trace, kTraceIdDigits) ||
      !IsId(parent, kSpanIdDigits) || !IsHex(flags, 2)) {
    return std::nullopt;
  }
  const char low = flags[1];
  const int digit = low <= '9' ? low - '0' : low - 'a' + 10;
  return TraceContext{std::string(trace), std::string(parent), (digit & 1) != 0};
}

// "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
std::optional<TraceContext> FromAmazon(std::string_view text) {
  TraceContext context;
  while (!text.empty()) {
    std::string_view value = TakeUntil(text, ';');
    std::string_view key = TakeUntil(value, '=');
    key.remove_prefix(std::min(key.find_first_not_of(' '), key.size()));
    if (key == "Root") {
      const std::string_view version = TakeUntil(value, '-');
      const std::string_view time = TakeUntil(value, '-');
      const std::string id = fmt::format("{}{}", time, value);
      if (version == "1" && IsHex(time, 8) && IsId(id, kTraceIdDigits)) context.trace_id = id;
    } else if (key == "Parent" && IsId(value, kSpanIdDigits)) {
      context.parent_id = value;
    } else if (key == "Sampled" && (value == "0" || value == "1")) {
      context.sampled = value == "1";  // "?" asks us.
    }
  }
  if (context.trace_id.empty()) return std::nullopt;
  return context;
}

std::uint64_t Random() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return random();
}

}  // namespace

TraceContext TraceContextFrom(std::string_view traceparent, std::string_view amazon,
                              std::int64_t unix_seconds) {
  if (auto context = FromTraceparent(traceparent)) return *std::move(context);
  if (auto context = FromAmazon(amazon)) return *std::move(context);
  return {.trace_id = fmt::format("{:08x}{:08x}{:016x}", static_cast<std::uint32_t>(unix_seconds),
                                  static_cast<std::uint32_t>(Random()), Random()),
          .parent_id = {},
          .sampled = {}};
}

std::string MakeSpanId() { return fmt::format("{:016x}", Random() | 1U); }

}  // namespace holdfast
