// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace holdfast {

// All bytes of a file, or of the standard input for "-". kNotFound when it cannot be read, and the
// message is the kernel's word alone; kPayloadTooLarge above `bytes_max`. Neither names the file.
Result<std::vector<std::uint8_t>> ReadInputFile(const std::string& file, std::size_t bytes_max);

}  // namespace holdfast
