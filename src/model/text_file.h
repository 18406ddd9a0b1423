// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// Why `file` cannot be read as a regular file, as a sentence's end ("is a folder"); empty if it
// can.
std::string FileFault(const std::filesystem::path& file);

// A whole file of at most `bytes_max`. Errors say why, without the path: kNotFound, kBadModel.
Result<std::string> ReadTextFile(const std::filesystem::path& file, std::size_t bytes_max);

// Whether `text` is well-formed UTF-8.
bool IsUtf8(std::string_view text);

}  // namespace holdfast
