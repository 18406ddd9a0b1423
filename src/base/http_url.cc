// SPDX-License-Identifier: Apache-2.0
#include "base/http_url.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digits.h"

namespace holdfast {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::size_t kUrlBytesMax = 4096;

Error Malformed(std::string_view text, std::string_view why) {
  return Error{Reason::kUsage, fmt::format("\"{}\" is no address of a server: {}; try "
                                           "http://localhost:8080",
                                           text.substr(0, 128), why)};
}

Result<std::uint16_t> ParsePort(std::string_view text, std::string_view url) {
  const auto port = ParseDigits<std::uint16_t>(text);
  if (!port || *port == 0) return Malformed(url, "its port is not a number from 1 to 65535");
  return *port;
}

// A space or a control character in a host or path would end the request line early.
bool IsPrintable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

Result<HttpUrl> ParseHttpUrl(std::string_view text) {
  if (text.starts_with("https://")) {
    return Error{Reason::kUsage,
                 "https is not supported; ask the server's own port with http://, on its own "
                 "machine or through a tunnel"};
  }
  if (text.size() > kUrlBytesMax) return Malformed(text, "it is longer than 4096 bytes");
  if (!text.starts_with(kScheme)) return Malformed(text, "it does not begin with http://");
  if (!IsPrintable(text)) return Malformed(text, "it holds a space or an unprintable character");

  std::string_view rest = text.substr(kScheme.size());
  rest = rest.substr(0, rest.find('#'));
  const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, slash);
  HttpUrl url;
  if (slash < rest.size()) {
    url.target = (rest[slash] == '?' ? "/" : "") + std::string(rest.substr(slash));
  }
  if (authority.find('@') != std::string_view::npos) {
    return Malformed(text, "user names are not supported");
  }
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return Malformed(text, "a ] is missing");
    url.host = authority.substr(1, end - 1);
    authority.remove_prefix(end + 1);
    if (!authority.empty() && authority.front() != ':') {
      return Malformed(text, "only a port may follow the ]");
    }
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    authority.remove_prefix(colon);
  }
  if (url.host.empty()) return Malformed(text, "it has no host");
  if (!authority.empty()) url.port = TRY(ParsePort(authority.substr(1), text));
  return url;
}

std::string FormatAuthority(const HttpUrl& url) {
  const bool is_v6 = url.host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", url.host, url.port)
               : fmt::format("{}:{}", url.host, url.port);
}

std::string PercentEncode(std::string_view text, Slashes slashes) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~' ||
                       (c == '/' && slashes == Slashes::kKeep);
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace holdfast
