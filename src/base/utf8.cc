// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kReplacement = 0xfffd;

bool IsScalar(std::uint32_t code_point) {
  return code_point < 0xd800 || (code_point > 0xdfff && code_point <= 0x10ffff);
}

}  // namespace

void AppendUtf8(std::string& text, std::uint32_t code_point) {
  const std::uint32_t code = IsScalar(code_point) ? code_point : kReplacement;
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  const auto put_tail = [&](std::uint32_t shift) { put(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put_tail(0);
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put_tail(6);
    put_tail(0);
  } else {
    put(0xf0 | code >> 18);
    put_tail(12);
    put_tail(6);
    put_tail(0);
  }
}

std::size_t Utf8SequenceLength(std::string_view text) {
  if (text.empty()) return 0;
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  std::uint32_t code = 0;
  std::uint32_t least = 0;  // Below it, a shorter sequence exists.
  if (lead >> 5 == 0x6) {
    length = 2, code = lead & 0x1f, least = 0x80;
  } else if (lead >> 4 == 0xe) {
    length = 3, code = lead & 0x0f, least = 0x800;
  } else if (lead >> 3 == 0x1e) {
    length = 4, code = lead & 0x07, least = 0x10000;
  }
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >> 6 != 0x2) return 0;
    code = code << 6 | (byte & 0x3fU);
  }
  return code >= least && IsScalar(code) ? length : 0;
}

}  // namespace holdfast
