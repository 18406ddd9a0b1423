// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "image/limits.h"

namespace holdfast {

enum class ImageFormat { kJpeg, kPng, kWebp };
std::string_view ImageFormatName(ImageFormat format);

// Packed 8-bit RGB, rows from the top, no padding, upright (EXIF orientation applied).
struct Image {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> rgb;  // width · height · 3 bytes.
};

// How pixels are made of bytes where libraries differ. The defaults are Pillow's.
struct DecodeRules {
  bool fast_jpeg = false;  // The inverse transform in fewer bits: TensorFlow's default.
  bool upright = true;     // EXIF orientation is applied; TensorFlow does not.
};

// The format that the first bytes announce. kUnsupportedMedia when they announce none that we read.
Result<ImageFormat> SniffImage(ByteView encoded);

// Decodes a whole image, bounded by `limits`, to RGB by the rules of docs/reference/images.md.
// Errors: kUnsupportedMedia (no image, or a kind that we refuse), kImageTooLarge (a limit),
// kImageDecodeFailed (corrupt or truncated), kInsufficientResources (out of memory).
Result<Image> DecodeImage(ByteView encoded, const ImageLimits& limits);

// The same into an image whose memory is reused. After an error its content is unspecified.
Status DecodeImageInto(ByteView encoded, const ImageLimits& limits, Image& image,
                       const DecodeRules& rules = {});

}  // namespace holdfast
