// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gateway/encoding/base64.h"

namespace {

std::string Encode(const std::vector<std::uint8_t>& bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? bytes[i + k] : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += i + k > bytes.size() ? '=' : kAlphabet[group >> (18 - 6 * k) & 63];
    }
  }
  return text;
}

}  // namespace

// There is one text for each sequence of bytes: what is accepted is that text, padded or not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto decoded = holdfast::DecodeBase64(text);
  if (!decoded) {
    if (decoded.error().message.empty()) std::abort();
    return 0;
  }
  std::string again = Encode(*decoded);
  if (text == again) return 0;
  again.erase(again.find_last_not_of('=') + 1);
  if (text != again) std::abort();
  return 0;
}
