// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace holdfast {

// Of a picture that a command takes; a server may refuse smaller ones.
constexpr std::size_t kPictureBytesMax = MiB(64);

// All bytes of a file, or of the standard input for "-". kNotFound when it cannot be opened,
// kPayloadTooLarge above `bytes_max`; the message does not repeat the file's name.
Result<std::vector<std::uint8_t>> ReadPicture(const std::string& file, std::size_t bytes_max);

}  // namespace holdfast
