// SPDX-License-Identifier: Apache-2.0
#include "gateway/encoding/npy.h"

#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>

#include "gateway/encoding/json_writer.h"

namespace holdfast {
namespace {

// file    := "\x93NUMPY" major:u8 minor:u8 length header elements
// length  := u16 in version 1, else u32; little-endian
// header  := a Python dict: {'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }
constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kHeaderBytesMax = KiB(4);
constexpr std::size_t kDimsMax = 8;

Error Bad(std::string_view what) {
  return Error{Reason::kBadRequest, fmt::format("npy array: {}", what)};
}

std::string_view TrimLeft(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n"), text.size()));
  return text;
}

// What follows `'key':` in the dict. The three keys hold no text that could look like another key.
std::optional<std::string_view> ValueOf(std::string_view dict, std::string_view key) {
  const std::size_t at = dict.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = TrimLeft(dict.substr(at + key.size()));
  if (!rest.starts_with(':')) return std::nullopt;
  return TrimLeft(rest.substr(1));
}

Result<DType> ReadType(std::string_view value) {
  const std::string_view text = value.substr(0, std::min(value.find_first_of(",}"), value.size()));
  if (text == "'<f4'") return DType::kFloat32;
  if (text == "'|u1'") return DType::kUint8;
  return Bad(
      fmt::format("elements of type {}; expected '<f4' (float32) or '|u1' (uint8)", Excerpt(text)));
}

Result<Shape> ReadShape(std::string_view value) {
  if (!value.starts_with('(')) return Bad("its shape is no tuple");
  value.remove_prefix(1);
  Shape shape;
  for (;;) {
    value = TrimLeft(value);
    if (value.starts_with(')')) return shape;
    std::int64_t dim = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), dim);
    if (error != std::errc{} || dim < 0) return Bad("its shape is not made of sizes");
    if (shape.size() == kDimsMax) return Bad("more than 8 dimensions");
    shape.push_back(dim);
    value = TrimLeft(value.substr(static_cast<std::size_t>(end - value.data())));
    if (value.starts_with(',')) {
      value.remove_prefix(1);
    } else if (!value.starts_with(')')) {
      return Bad("its shape is not made of sizes");
    }
  }
}

}  // namespace

Result<NpyArray> ReadNpy(ByteView file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with(kMagic) || file.size() < kMagic.size() + 4) return Bad("no npy file");
  const std::uint8_t major = file[kMagic.size()];
  if (major < 1 || major > 3) return Bad("an unknown version of the format");
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  const std::size_t header_at = kMagic.size() + 2 + length_bytes;
  if (file.size() < header_at) return Bad("cut short");
  std::size_t header_bytes = 0;
  for (std::size_t i = length_bytes; i-- > 0;) {
    header_bytes = header_bytes << 8 | file[kMagic.size() + 2 + i];
  }
  if (header_bytes > kHeaderBytesMax) return Bad("a header beyond 4 KiB");
  if (file.size() - header_at < header_bytes) return Bad("cut short");

  const std::string_view dict = text.substr(header_at, header_bytes);
  const auto type = ValueOf(dict, "'descr'");
  const auto order = ValueOf(dict, "'fortran_order'");
  const auto shape = ValueOf(dict, "'shape'");
  if (!type || !order || !shape) return Bad("its header lacks descr, fortran_order or shape");
  if (!order->starts_with("False")) return Bad("Fortran order; expected C order");

  NpyArray array;
  array.dtype = TRY(ReadType(*type));
  array.shape = TRY(ReadShape(*shape));
  array.elements = file.subspan(header_at + header_bytes);
  const auto count = ElementCount(array.shape);
  const std::size_t size = DTypeSize(array.dtype);
  if (!count || array.elements.size() % size != 0 || array.elements.size() / size != *count) {
    return Bad(fmt::format("{} bytes of elements do not make the shape {}", array.elements.size(),
                           FormatShape(array.shape)));
  }
  return array;
}

}  // namespace holdfast
