// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// The files that hold an ONNX model's weights outside of it, as the model names them: relative to
// its own folder, sorted. Empty for a model in one piece. kBadModel when the bytes are no ONNX
// model. The names are the model's: check them before use.
Result<std::set<std::string>> ExternalFilesOf(std::string_view model);
Result<std::set<std::string>> ExternalFilesOf(const std::filesystem::path& file);

}  // namespace holdfast
