// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "backend/backend.h"
#include "base/result.h"

namespace holdfast {

// The backend that serves `file`: the one named `engine`, or for "auto" the first that reads the
// file. kBadModel with the names that there are when none does.
Result<Backend*> SelectBackend(std::string_view engine, const std::filesystem::path& file,
                               std::span<Backend* const> backends);

}  // namespace holdfast
