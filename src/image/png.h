// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "image/decode.h"
#include "image/limits.h"
#include "image/orientation.h"

namespace holdfast {

// Decodes a PNG (of an animated one: its default picture) as stored and yields the orientation
// that its eXIf chunk declares.
// `encoded` begins with the format's signature. Throws std::bad_alloc. Errors are DecodeImage's.
Result<Orientation> DecodePng(ByteView encoded, const ImageLimits& limits, Image& image);

}  // namespace holdfast
