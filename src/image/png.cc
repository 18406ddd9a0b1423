// SPDX-License-Identifier: Apache-2.0
#include "image/png.h"

#include <fmt/format.h>
#include <spng.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>

#include "image/exif.h"

namespace holdfast {
namespace {

struct FreeContext {
  void operator()(spng_ctx* context) const { spng_ctx_free(context); }
};

Error PngError(int code) {
  Reason reason = Reason::kImageDecodeFailed;
  switch (code) {
    case SPNG_EMEM:
      reason = Reason::kInsufficientResources;
      break;
    case SPNG_EUSER_WIDTH:
    case SPNG_EUSER_HEIGHT:
    case SPNG_EOVERFLOW:
    case SPNG_ECHUNK_LIMITS:
      reason = Reason::kImageTooLarge;
      break;
    default:
      break;
  }
  return Error{reason, fmt::format("decode PNG: {}", spng_strerror(code))};
}

Status Check(int code) {
  if (code != 0) return PngError(code);
  return {};
}

// The content of the first chunk of this type, wherever it stands; empty where there is none.
// png := signature:8 { length:u32 type:4 content:length crc:u32 }
ByteView FindPngChunk(ByteView encoded, std::string_view type) {
  constexpr std::size_t kSignature = 8;
  constexpr std::size_t kFrame = 12;
  std::size_t offset = kSignature;
  while (encoded.size() - offset >= kFrame) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | encoded[offset + i];
    if (length > encoded.size() - offset - kFrame) break;
    const ByteView name = encoded.subspan(offset + 4, 4);
    if (std::equal(type.begin(), type.end(), name.begin())) {
      return encoded.subspan(offset + 8, length);
    }
    offset += kFrame + length;
  }
  return {};
}

}  // namespace

Result<Orientation> DecodePng(ByteView encoded, const ImageLimits& limits, Image& image) {
  const std::unique_ptr<spng_ctx, FreeContext> context(spng_ctx_new(0));
  if (context == nullptr) return PngError(SPNG_EMEM);
  TRY_DO(Check(spng_set_image_limits(context.get(), limits.side_max, limits.side_max)));
  // Of one chunk inflated, and of all that are kept: text and ICC bombs end here.
  TRY_DO(Check(spng_set_chunk_limits(context.get(), limits.ancillary_bytes_max,
                                     limits.ancillary_bytes_max)));
  // A damaged note about the picture is dropped; damage to the picture is an error.
  TRY_DO(Check(spng_set_crc_action(context.get(), SPNG_CRC_ERROR, SPNG_CRC_DISCARD)));
  TRY_DO(Check(spng_set_png_buffer(context.get(), encoded.data(), encoded.size())));
  spng_ihdr header{};
  TRY_DO(Check(spng_get_ihdr(context.get(), &header)));
  TRY_DO(CheckImageSize(header.width, header.height, limits));
  image.width = header.width;
  image.height = header.height;
  image.rgb.resize(std::size_t{image.width} * image.height * 3);
  TRY_DO(Check(
      spng_decode_image(context.get(), image.rgb.data(), image.rgb.size(), SPNG_FMT_RGB8, 0)));
  return ReadExifOrientation(FindPngChunk(encoded, "eXIf"));
}

}  // namespace holdfast
