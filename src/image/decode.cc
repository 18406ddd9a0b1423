// SPDX-License-Identifier: Apache-2.0
#include "image/decode.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "image/jpeg.h"
#include "image/orientation.h"
#include "image/png.h"
#include "image/webp.h"

namespace holdfast {
namespace {

bool HasAt(ByteView bytes, std::size_t offset, std::string_view expected) {
  if (bytes.size() < offset + expected.size()) return false;
  return std::equal(expected.begin(), expected.end(),
                    std::next(bytes.begin(), static_cast<std::ptrdiff_t>(offset)),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

Result<Orientation> DecodeStored(ByteView encoded, const ImageLimits& limits,
                                 const DecodeRules& rules, Image& image) {
  switch (TRY(SniffImage(encoded))) {
    case ImageFormat::kJpeg:
      return DecodeJpeg(encoded, limits, rules, image);
    case ImageFormat::kPng:
      return DecodePng(encoded, limits, image);
    case ImageFormat::kWebp:
      return DecodeWebp(encoded, limits, image);
  }
  return Error{Reason::kInternal, "image format without a decoder"};
}

}  // namespace

std::string_view ImageFormatName(ImageFormat format) {
  switch (format) {
    case ImageFormat::kJpeg:
      return "jpeg";
    case ImageFormat::kPng:
      return "png";
    case ImageFormat::kWebp:
      return "webp";
  }
  return "unknown";
}

Result<ImageFormat> SniffImage(ByteView encoded) {
  if (HasAt(encoded, 0, "\xff\xd8\xff")) return ImageFormat::kJpeg;
  if (HasAt(encoded, 0, "\x89PNG\r\n\x1a\n")) return ImageFormat::kPng;
  if (HasAt(encoded, 0, "RIFF") && HasAt(encoded, 8, "WEBP")) return ImageFormat::kWebp;
  return Error{Reason::kUnsupportedMedia, encoded.empty()
                                              ? "the image is empty; expected JPEG, PNG or WebP"
                                              : "the bytes are not a JPEG, PNG or WebP image"};
}

Status DecodeImageInto(ByteView encoded, const ImageLimits& limits, Image& image,
                       const DecodeRules& rules) {
  Result<Orientation> stored = Error{Reason::kInternal, "image not decoded"};
  TRY_DO(Guard([&] {
    stored = DecodeStored(encoded, limits, rules, image);
    if (stored && rules.upright) TurnUpright(*stored, image);
  }));
  if (!stored) return std::move(stored).error();
  return {};
}

Result<Image> DecodeImage(ByteView encoded, const ImageLimits& limits) {
  Image image;
  TRY_DO(DecodeImageInto(encoded, limits, image));
  return image;
}

}  // namespace holdfast
