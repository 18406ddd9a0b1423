// SPDX-License-Identifier: Apache-2.0
#include "worker/photo_file.h"

#include <fmt/format.h>

#include "os/input_file.h"

namespace holdfast {

Result<std::vector<std::uint8_t>> ReadPhoto(const std::filesystem::path& file,
                                            std::size_t bytes_max) {
  auto bytes = ReadInputFile(file.string(), bytes_max);
  if (bytes) return bytes;
  Error& error = bytes.error();
  error.message = error.reason == Reason::kPayloadTooLarge
                      ? fmt::format("{} is larger than {} bytes", file.string(), bytes_max)
                      : fmt::format("{}: {}", file.string(), error.message);
  return bytes;
}

}  // namespace holdfast
