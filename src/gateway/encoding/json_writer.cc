// SPDX-License-Identifier: Apache-2.0
#include "gateway/encoding/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace holdfast {
namespace {

constexpr std::size_t kExcerptBytes = 64;
constexpr std::size_t kNumberBytes = 32;

void AppendEscaped(std::string& json, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      json += "\\\"";
      return;
    case '\\':
      json += "\\\\";
      return;
    case '\n':
      json += "\\n";
      return;
    case '\r':
      json += "\\r";
      return;
    case '\t':
      json += "\\t";
      return;
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte == 0x7f) {
    json += "\\u00";
    json += kHex[byte >> 4];
    json += kHex[byte & 0xf];
  } else {
    json += c;
  }
}

}  // namespace

void AppendJsonString(std::string& json, std::string_view text) {
  json += '"';
  while (!text.empty()) {
    const std::size_t length = Utf8SequenceLength(text);
    if (length == 0) {
      json += "\xef\xbf\xbd";
    } else if (length == 1) {
      AppendEscaped(json, text[0]);
    } else {
      json += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  json += '"';
}

void AppendJsonFloat(std::string& json, float number) {
  if (std::isnan(number)) {
    json += "NaN";
    return;
  }
  if (std::isinf(number)) {
    json += number < 0 ? "-Infinity" : "Infinity";
    return;
  }
  std::array<char, kNumberBytes> digits{};
  const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  json += text;
  if (text.find_first_of(".e") == std::string_view::npos) json += ".0";
}

void AppendJsonInteger(std::string& json, std::int64_t number) {
  std::array<char, kNumberBytes> digits{};
  json.append(digits.data(),
              std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

void AppendJsonComma(std::string& json) {
  if (json.back() != '{' && json.back() != '[') json += ',';
}

void AppendJsonKey(std::string& json, std::string_view key) {
  AppendJsonComma(json);
  AppendJsonString(json, key);
  json += ':';
}

void AppendJsonText(std::string& json, std::string_view key, std::string_view text) {
  AppendJsonKey(json, key);
  AppendJsonString(json, text);
}

void AppendJsonCount(std::string& json, std::string_view key, std::uint64_t count) {
  AppendJsonKey(json, key);
  AppendJsonInteger(json, static_cast<std::int64_t>(count));
}

std::string Excerpt(std::string_view client_text) {
  std::string text = "\"";
  for (const char c : client_text.substr(0, kExcerptBytes)) {
    text += c >= 0x20 && c < 0x7f ? c : '?';
  }
  text += client_text.size() > kExcerptBytes ? "…\"" : "\"";
  return text;
}

}  // namespace holdfast
