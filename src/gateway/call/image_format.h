// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "gateway/call/inference.h"

namespace holdfast {

// The first bytes are a JPEG's, a PNG's or a WebP's. Whether the rest decodes is the worker's
// matter.
bool LooksLikeImage(ByteView bytes);

// Why bytes that should be an image are not: kUnsupportedMedia, "NAME: not an image we read: …".
Error NoImageError(std::string_view name);

}  // namespace holdfast
