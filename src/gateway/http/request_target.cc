// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/request_target.h"

#include <fmt/format.h>

#include "gateway/encoding/json_writer.h"

namespace holdfast {
namespace {

constexpr std::size_t kSegmentsMax = 16;
constexpr std::size_t kParametersMax = 64;

Error Bad(std::string_view what, std::string_view text) {
  return Error{Reason::kBadRequest, fmt::format("request target: {} {}", what, Excerpt(text))};
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

enum class Plus { kLiteral, kSpace };

Result<std::string> PercentDecode(std::string_view text, Plus plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus == Plus::kSpace) c = ' ';
    if (c == '%') {
      const int high = i + 1 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return Bad("bad percent-encoding in", text);
      c = static_cast<char>(high << 4 | low);
      i += 2;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return Bad("a control character in", text);
    decoded += c;
  }
  return decoded;
}

// Takes what stands before the next `separator` off `rest`.
std::string_view TakeUntil(std::string_view& rest, char separator) {
  const std::string_view part = rest.substr(0, std::min(rest.find(separator), rest.size()));
  rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  return part;
}

// Leaves the path and the query of an absolute-form target.
std::string_view WithoutOrigin(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return target;
  const std::size_t path = target.find_first_of("/?", scheme + 3);
  return path == std::string_view::npos ? "" : target.substr(path);
}

}  // namespace

Result<RequestTarget> ParseTarget(std::string_view target) {
  std::string_view rest = target;
  if (!target.starts_with('/')) {
    rest = WithoutOrigin(target);
    if (rest.data() == target.data()) return Bad("expected a path, found", target);
  }
  RequestTarget parsed;
  parsed.raw_path = TakeUntil(rest, '?');
  std::string_view query = rest;

  std::string_view path = parsed.raw_path;
  if (path.starts_with('/')) path.remove_prefix(1);
  while (!path.empty()) {
    if (parsed.segments.size() == kSegmentsMax) return Bad("too many segments in", target);
    const bool trailing_slash = path.ends_with('/') && path.find('/') == path.size() - 1;
    parsed.segments.push_back(TRY(PercentDecode(TakeUntil(path, '/'), Plus::kLiteral)));
    if (trailing_slash) parsed.segments.emplace_back();
  }
  while (!query.empty()) {
    if (parsed.query.size() == kParametersMax) return Bad("too many parameters in", target);
    std::string_view value = TakeUntil(query, '&');
    if (value.empty()) continue;
    const std::string_view key = TakeUntil(value, '=');
    parsed.query.emplace_back(TRY(PercentDecode(key, Plus::kSpace)),
                              TRY(PercentDecode(value, Plus::kSpace)));
  }
  return parsed;
}

}  // namespace holdfast
