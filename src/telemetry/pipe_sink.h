// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "telemetry/log.h"

namespace holdfast {

// Writes lines to a descriptor without ever waiting for its reader. Lines that do not fit wait in a
// bounded queue; past that they are dropped and counted, and a line says so once there is room.
class PipeSink : public LogSink {
 public:
  static constexpr std::size_t kPendingBytesMax = 1 << 20;

  // Borrows `fd`. It stays in blocking mode if it is (others may share it): each write is no larger
  // than what a writable pipe takes at once.
  explicit PipeSink(int fd) : fd_(fd) {}

  void WriteLine(std::string_view line) override;
  // Writes what waits, as far as the reader takes it.
  void Flush();
  bool pending() const { return !pending_.empty(); }
  std::uint64_t dropped() const { return dropped_total_; }

 private:
  bool WriteNow(std::string_view bytes, std::size_t& written);

  int fd_;
  std::deque<std::string> pending_;
  std::size_t pending_bytes_ = 0;
  std::size_t front_written_ = 0;
  std::uint64_t dropped_ = 0;  // Since the last line that said so.
  std::uint64_t dropped_total_ = 0;
};

}  // namespace holdfast
