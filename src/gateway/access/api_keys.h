// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/access/token_bucket.h"

namespace holdfast {

using KeyHash = std::array<std::uint8_t, 32>;  // SHA-256.

// A client's key, as the server knows it: not the key itself.
struct ApiKey {
  std::string name;  // For metrics: letters, digits, "-", "_" and ".", 64 at most.
  KeyHash hash{};
  std::optional<Quota> quota;  // Nothing: without bound.
};

constexpr std::size_t kApiKeysMax = 10'000;

// A file of keys. A line is empty, or a comment that begins with #, or
//   NAME SHA256 [REQUESTS_PER_SECOND [BURST]]
// with the hash in hexadecimal digits and, without BURST, one second's requests as burst. Several
// keys may have a name in common: then they share one quota, which must be the same, so that a key
// can be replaced. kBadModel, with the line and what to do, for anything else, and without any key.
Result<std::vector<ApiKey>> ParseApiKeys(std::string_view text);

KeyHash HashKey(std::string_view key);

// The one whose key this is; null if there is none. Takes the same time for all keys and for none.
const ApiKey* FindKey(const std::vector<ApiKey>& keys, std::string_view key);

}  // namespace holdfast
