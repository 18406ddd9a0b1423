// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace holdfast {

// SHA-256 as 64 lower-case hexadecimal digits.
std::string Sha256(ByteView bytes);
Result<std::string> Sha256OfFile(const std::filesystem::path& file);

}  // namespace holdfast
