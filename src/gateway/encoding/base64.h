// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast {

// Decodes standard base64 (RFC 4648 section 4), with or without padding. kBadRequest for anything
// else: line breaks, the URL-safe alphabet, a wrong length, stray bits in the last character.
Result<std::vector<std::uint8_t>> DecodeBase64(std::string_view text);

}  // namespace holdfast
