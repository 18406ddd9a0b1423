// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast {

// Appends a code point; U+FFFD for what is none (surrogates, beyond U+10FFFF).
void AppendUtf8(std::string& text, std::uint32_t code_point);

// Bytes of the well-formed UTF-8 sequence that `text` begins with; 0 if it begins with none.
std::size_t Utf8SequenceLength(std::string_view text);

}  // namespace holdfast
