// SPDX-License-Identifier: Apache-2.0
#include "gateway/client/server_answer.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <optional>

namespace holdfast {
namespace {

constexpr std::size_t kMessageBytesMax = 512;

std::optional<Reason> ReasonFromWord(std::string_view word) {
  for (std::uint32_t number = 0; const auto reason = ReasonFromNumber(number); ++number) {
    if (Describe(*reason).word == word) return reason;
  }
  return std::nullopt;
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out(text.substr(0, kMessageBytesMax));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return out;
}

Error RefusalOf(const ClientAnswer& answer) {
  simdjson::dom::parser parser;
  std::string_view word;
  std::string_view text;
  const auto body = parser.parse(answer.body);
  if (body["reason"].get(word) == simdjson::SUCCESS &&
      body["error"].get(text) == simdjson::SUCCESS) {
    if (const auto reason = ReasonFromWord(word); reason && *reason != Reason::kOk) {
      return Error{*reason,
                   fmt::format("the server says {} {}: {}", answer.status, word, Printable(text))};
    }
  }
  return Error{answer.status >= 500 ? Reason::kUnavailable : Reason::kInternal,
               fmt::format("the server answers {}, not as a holdfast server does; check the "
                           "address",
                           answer.status)};
}

}  // namespace holdfast
