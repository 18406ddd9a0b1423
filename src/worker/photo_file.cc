// SPDX-License-Identifier: Apache-2.0
#include "worker/photo_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/bytes.h"

namespace holdfast {
namespace {

int KeepOpen(std::FILE*) { return 0; }

}  // namespace

Result<std::vector<std::uint8_t>> ReadPhoto(const std::filesystem::path& file,
                                            std::size_t bytes_max) {
  const bool is_stdin = file == "-";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(
      is_stdin ? stdin : std::fopen(file.c_str(), "rbe"), is_stdin ? KeepOpen : std::fclose);
  if (stream == nullptr) {
    return Error{Reason::kNotFound, fmt::format("{}: {}", file.string(), std::strerror(errno))};
  }
  std::vector<std::uint8_t> bytes;
  constexpr std::size_t kStep = KiB(256);
  while (true) {
    const std::size_t size = bytes.size();
    const std::size_t step = std::min(kStep, bytes_max + 1 - size);
    bytes.resize(size + step);
    const std::size_t count = std::fread(bytes.data() + size, 1, step, stream.get());
    bytes.resize(size + count);
    if (bytes.size() > bytes_max) {
      return Error{Reason::kPayloadTooLarge,
                   fmt::format("{} is larger than {} bytes", file.string(), bytes_max)};
    }
    if (count < step) break;
  }
  if (std::ferror(stream.get()) != 0) {
    return Error{Reason::kNotFound, fmt::format("{}: {}", file.string(), std::strerror(errno))};
  }
  return bytes;
}

}  // namespace holdfast
