// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// Where a request goes: http://HOST[:PORT][/PATH].
struct HttpUrl {
  std::string host;  // A name or an address; IPv6 without its brackets.
  std::uint16_t port = 80;
  std::string target = "/";  // Path and query.
};

// kUsage, with what to do, for another scheme, a user name in the address or anything malformed.
Result<HttpUrl> ParseHttpUrl(std::string_view text);

// A path's segment or a parameter's value, as a target has it: "a/b" → "a%2Fb". With kKeep a path
// of several segments: "a b/c" → "a%20b/c".
enum class Slashes { kEncode, kKeep };
std::string PercentEncode(std::string_view text, Slashes slashes = Slashes::kEncode);

// "localhost:8080", "[::1]:8080": the Host header.
std::string FormatAuthority(const HttpUrl& url);

}  // namespace holdfast
