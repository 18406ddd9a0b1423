// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "image/decode.h"
#include "image/limits.h"
#include "image/orientation.h"

namespace holdfast {

// Decodes a JPEG as stored and yields the orientation that its EXIF block declares.
// `encoded` begins with the format's signature. Throws std::bad_alloc. Errors are DecodeImage's.
Result<Orientation> DecodeJpeg(ByteView encoded, const ImageLimits& limits,
                               const DecodeRules& rules, Image& image);

}  // namespace holdfast
