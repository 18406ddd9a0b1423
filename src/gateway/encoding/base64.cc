// SPDX-License-Identifier: Apache-2.0
#include "gateway/encoding/base64.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>

namespace holdfast {
namespace {

constexpr std::uint32_t kNoDigit = 0x0100'0000;  // A bit that no group of four digits sets.

// kDigits[i][c] is the value of character c as the i-th of four digits, in its place.
constexpr auto kDigits = [] {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::array<std::uint32_t, 256>, 4> digits{};
  for (auto& place : digits) place.fill(kNoDigit);
  for (std::uint32_t value = 0; value < kAlphabet.size(); ++value) {
    const auto character = static_cast<unsigned char>(kAlphabet[value]);
    for (std::uint32_t place = 0; place < 4; ++place) {
      digits[place][character] = value << (18 - 6 * place);
    }
  }
  return digits;
}();

std::uint32_t Digit(std::size_t place, char character) {
  return kDigits[place][static_cast<unsigned char>(character)];
}

Error NoDigit(std::string_view text) {
  std::size_t position = 0;
  while (position < text.size() && Digit(0, text[position]) != kNoDigit) ++position;
  if (position == text.size()) return Error{Reason::kBadRequest, "base64 is cut short"};
  const auto byte = static_cast<unsigned char>(text[position]);
  std::string hint;
  if (byte == '\n' || byte == '\r') hint = ": encode without line breaks";
  if (byte == '-' || byte == '_') hint = ": use the standard alphabet, not the URL-safe one";
  return Error{Reason::kBadRequest, fmt::format("byte 0x{:02x} at position {} is no base64 digit{}",
                                                byte, position, hint)};
}

}  // namespace

Result<std::vector<std::uint8_t>> DecodeBase64(std::string_view text) {
  const std::string_view padded = text;
  if (text.size() % 4 == 0 && text.ends_with('=')) {
    text.remove_suffix(text.ends_with("==") ? 2 : 1);
  }
  const std::size_t tail = text.size() % 4;
  if (tail == 1) return NoDigit(padded);

  std::vector<std::uint8_t> bytes(text.size() / 4 * 3 + (tail == 0 ? 0 : tail - 1));
  std::uint8_t* out = bytes.data();
  const char* in = text.data();
  const char* const groups_end = in + (text.size() - tail);
  std::uint32_t seen = 0;
  for (; in != groups_end; in += 4, out += 3) {
    const std::uint32_t group =
        Digit(0, in[0]) | Digit(1, in[1]) | Digit(2, in[2]) | Digit(3, in[3]);
    seen |= group;
    out[0] = static_cast<std::uint8_t>(group >> 16);
    out[1] = static_cast<std::uint8_t>(group >> 8);
    out[2] = static_cast<std::uint8_t>(group);
  }
  if (tail != 0) {
    std::uint32_t group = Digit(0, in[0]) | Digit(1, in[1]);
    if (tail == 3) group |= Digit(2, in[2]);
    seen |= group;
    out[0] = static_cast<std::uint8_t>(group >> 16);
    if (tail == 3) out[1] = static_cast<std::uint8_t>(group >> 8);
    const std::uint32_t stray = tail == 3 ? 0xffU : 0xffffU;
    if ((seen & kNoDigit) == 0 && (group & stray) != 0) {
      return Error{Reason::kBadRequest, "base64 has stray bits in its last digit"};
    }
  }
  if ((seen & kNoDigit) != 0) return NoDigit(text);
  return bytes;
}

}  // namespace holdfast
