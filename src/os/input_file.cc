// SPDX-License-Identifier: Apache-2.0
#include "os/input_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "os/unique_fd.h"

namespace holdfast {

Result<std::vector<std::uint8_t>> ReadInputFile(const std::string& file, std::size_t bytes_max) {
  const bool is_input = file == "-";
  const UniqueFd opened(is_input ? -1 : ::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  const int fd = is_input ? STDIN_FILENO : opened.get();
  std::vector<std::uint8_t> bytes;
  std::array<std::uint8_t, 65536> chunk;
  for (;;) {
    const ssize_t count = fd < 0 ? -1 : ::read(fd, chunk.data(), chunk.size());
    if (count < 0 && fd >= 0 && errno == EINTR) continue;
    if (count < 0) return Error{Reason::kNotFound, std::strerror(errno)};
    if (count == 0) return bytes;
    bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + count);
    if (bytes.size() > bytes_max) return Error{Reason::kPayloadTooLarge, "too large"};
  }
}

}  // namespace holdfast
