// SPDX-License-Identifier: Apache-2.0
#include "apps/picture_file.h"

#include <fmt/format.h>

#include "os/input_file.h"

namespace holdfast {

Result<std::vector<std::uint8_t>> ReadPicture(const std::string& file, std::size_t bytes_max) {
  auto bytes = ReadInputFile(file, bytes_max);
  if (bytes) return bytes;
  Error& error = bytes.error();
  error.message = error.reason == Reason::kPayloadTooLarge
                      ? fmt::format("larger than {} MiB", bytes_max >> 20)
                      : fmt::format("cannot be read: {}", error.message);
  return bytes;
}

}  // namespace holdfast
