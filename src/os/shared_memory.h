// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/unique_fd.h"

namespace holdfast {

// A memfd of `size` bytes, all zero, that can neither grow nor shrink: nobody who maps it can be
// made to fault by another who truncates it.
Result<UniqueFd> MakeSealedMemory(const std::string& name, std::size_t size);

// A sealed memfd that holds a copy of `bytes` and cannot be written.
Result<UniqueFd> MakeSealedCopy(const std::string& name, std::span<const std::uint8_t> bytes);

// A mapping of a whole memfd, unmapped at the end.
class SharedMemory {
 public:
  enum class Access { kRead, kReadWrite };
  // Maps `fd`, which may be closed afterwards. kInternal when it is not sealed against shrinking.
  static Result<SharedMemory> Map(int fd, Access access);

  SharedMemory() = default;
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;
  ~SharedMemory();

  std::span<std::uint8_t> bytes() const { return bytes_; }

 private:
  explicit SharedMemory(std::span<std::uint8_t> bytes) : bytes_(bytes) {}
  void Unmap();
  std::span<std::uint8_t> bytes_;
};

// A sealed memfd that holds `text`, and …
Result<UniqueFd> MakeSealedText(const std::string& name, std::string_view text);
// … the text that it holds; empty when it cannot be mapped.
std::string ReadSealedText(const UniqueFd& memory);

}  // namespace holdfast
