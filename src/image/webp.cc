// SPDX-License-Identifier: Apache-2.0
#include "image/webp.h"

#include <fmt/format.h>
#include <webp/decode.h>

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "image/exif.h"

namespace holdfast {
namespace {

std::string_view StatusText(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
      return "out of memory";
    case VP8_STATUS_BITSTREAM_ERROR:
      return "the stream is corrupt";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "the stream uses a feature that the decoder lacks";
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return "premature end of data";
    default:
      return "the decoder refused the stream";
  }
}

Status Check(VP8StatusCode status) {
  if (status == VP8_STATUS_OK) return {};
  Reason reason = Reason::kImageDecodeFailed;
  if (status == VP8_STATUS_OUT_OF_MEMORY) reason = Reason::kInsufficientResources;
  if (status == VP8_STATUS_UNSUPPORTED_FEATURE) reason = Reason::kUnsupportedMedia;
  return Error{reason, fmt::format("decode WebP: {}", StatusText(status))};
}

// The content of the first chunk of this type; empty where there is none.
// webp := "RIFF" size:u32 "WEBP" { type:4 length:u32 content:length pad-to-even }   (little-endian)
ByteView FindRiffChunk(ByteView encoded, std::string_view type) {
  constexpr std::size_t kFileHeader = 12;
  constexpr std::size_t kChunkHeader = 8;
  std::size_t offset = kFileHeader;
  while (offset <= encoded.size() && encoded.size() - offset >= kChunkHeader) {
    std::size_t length = 0;
    for (std::size_t i = 4; i > 0; --i) length = length << 8 | encoded[offset + 3 + i];
    if (length > encoded.size() - offset - kChunkHeader) break;
    const ByteView name = encoded.subspan(offset, 4);
    if (std::equal(type.begin(), type.end(), name.begin())) {
      return encoded.subspan(offset + kChunkHeader, length);
    }
    offset += kChunkHeader + length + length % 2;
  }
  return {};
}

}  // namespace

Result<Orientation> DecodeWebp(ByteView encoded, const ImageLimits& limits, Image& image) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) {
    return Error{Reason::kInternal, "libwebp is of another version than its header"};
  }
  TRY_DO(Check(WebPGetFeatures(encoded.data(), encoded.size(), &config.input)));
  if (config.input.has_animation != 0) {
    return Error{Reason::kUnsupportedMedia, "animated WebP is not supported; send one picture"};
  }
  TRY_DO(CheckImageSize(static_cast<std::uint64_t>(config.input.width),
                        static_cast<std::uint64_t>(config.input.height), limits));
  image.width = static_cast<std::uint32_t>(config.input.width);
  image.height = static_cast<std::uint32_t>(config.input.height);
  image.rgb.resize(std::size_t{image.width} * image.height * 3);
  // MODE_RGB leaves the alpha channel out: colours are stored unmultiplied, so that is all.
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image.rgb.data();
  config.output.u.RGBA.stride = static_cast<int>(image.width * 3);
  config.output.u.RGBA.size = image.rgb.size();
  const VP8StatusCode status = WebPDecode(encoded.data(), encoded.size(), &config);
  WebPFreeDecBuffer(&config.output);
  TRY_DO(Check(status));
  return ReadExifOrientation(FindRiffChunk(encoded, "EXIF"));
}

}  // namespace holdfast
