// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace holdfast {

// "Image/JPEG; q=1" → "image/jpeg"; empty for none.
std::string MediaType(std::string_view content_type);

// The type names a format that the workers decode, or "an image" without saying which.
bool IsImageType(std::string_view media_type);

// The first byte that is no JSON space is '{'.
bool LooksLikeJsonObject(ByteView bytes);

// Which of `offers` (lower case, the preferred one first) an Accept header prefers. Nothing when it
// takes none of them. An empty header takes the first.
std::optional<std::string_view> Negotiate(std::string_view accept,
                                          std::span<const std::string_view> offers);

}  // namespace holdfast
