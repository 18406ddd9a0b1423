// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

#include "base/bytes.h"

namespace holdfast {

// How many bytes of bodies the gateway may hold: as many as are configured, and under a memory
// limit no more than a part of it. The kernel would rather end a process than refuse a request.
class BodyBudget {
 public:
  // Bytes; nothing: there is no limit.
  using ReadMemoryLimit = std::function<std::optional<std::uint64_t>()>;

  // So many may be let in by a limit that was read before: it may be lowered at any time.
  static constexpr std::size_t kTrustedBytes = KiB(256);

  explicit BodyBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void Watch(ReadMemoryLimit read);
  // Reads the limit again.
  void Refresh();

  // Whether a body of `bytes` may be read beside those that are here, of which `queued` bytes are
  // with the scheduler. Reads the limit again, where what it lets in is more than that may be
  // trusted with.
  bool Takes(std::size_t bytes, std::size_t queued);

  // Bodies that are being read count, too.
  void Reserve(std::size_t bytes) { reserved_ += bytes; }
  void Release(std::size_t bytes) { reserved_ -= bytes; }
  std::size_t reserved() const { return reserved_; }

 private:
  // The others are for the model, for decoding, and for copies of a body: one in the kernel's
  // buffers, one in an arena.
  static constexpr std::uint64_t kMemoryParts = 4;
  static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

  bool Fits(std::size_t bytes, std::size_t held) const;

  std::size_t bytes_max_;
  std::size_t reserved_ = 0;
  ReadMemoryLimit read_;
  std::uint64_t memory_share_ = kNoLimit;
  std::size_t taken_ = 0;  // Since the limit was read.
};

}  // namespace holdfast
