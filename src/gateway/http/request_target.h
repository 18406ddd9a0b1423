// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast {

// An HTTP request target, taken apart and percent-decoded.
struct RequestTarget {
  std::string_view raw_path;          // As sent, without scheme, host and query.
  std::vector<std::string> segments;  // "/v1/models/a%2Fb" → "v1", "models", "a/b"; "/" → none.
  std::vector<std::pair<std::string, std::string>> query;
};

// Takes the origin form ("/path?query") and the absolute form ("http://host/path?query").
// kBadRequest for other forms, bad percent-encoding, an encoded control character, or more segments
// or parameters than any of our paths has use for.
Result<RequestTarget> ParseTarget(std::string_view target);

}  // namespace holdfast
