// SPDX-License-Identifier: Apache-2.0
#include "gateway/call/image_format.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast {

bool LooksLikeImage(ByteView bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const bool riff = text.size() >= 12 && text.starts_with("RIFF") && text.substr(8, 4) == "WEBP";
  return riff || text.starts_with("\xff\xd8\xff") || text.starts_with("\x89PNG\r\n\x1a\n");
}

Error NoImageError(std::string_view name) {
  return {Reason::kUnsupportedMedia,
          fmt::format("{}: not an image we read: JPEG, PNG or WebP expected", name)};
}

}  // namespace holdfast
