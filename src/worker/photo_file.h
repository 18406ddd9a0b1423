// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace holdfast {

// Larger files are no photos that anybody packs, tunes or measures with.
constexpr std::size_t kPhotoBytesMax = MiB(64);

// All bytes of a file, or of the standard input for "-". kNotFound when it cannot be opened,
// kPayloadTooLarge above `bytes_max`.
Result<std::vector<std::uint8_t>> ReadPhoto(const std::filesystem::path& file,
                                            std::size_t bytes_max);

}  // namespace holdfast
