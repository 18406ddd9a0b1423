// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// Gives `file` this content in one step: whoever reads it finds the old one or the new one, whole.
// kUsage: it cannot be written; nothing is left beside it.
Status ReplaceFile(const std::filesystem::path& file, std::string_view content);

}  // namespace holdfast
