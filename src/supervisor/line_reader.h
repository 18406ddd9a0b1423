// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>

#include "os/unique_fd.h"

namespace holdfast {

// The supervisor's end of a pipe that a child writes lines to. Lines longer than kLineMax are cut;
// what is not UTF-8 text becomes "?"; the last few are kept, to be quoted when the child dies.
class LineReader {
 public:
  static constexpr std::size_t kLineMax = 4096;
  static constexpr std::size_t kLinesKept = 12;

  LineReader() = default;
  // `pipe` must not block.
  explicit LineReader(UniqueFd pipe) : pipe_(std::move(pipe)) {}

  // Reads what is there and hands whole lines on. False when the pipe has ended.
  bool Read(const std::function<void(const std::string&)>& on_line);

  int fd() const { return pipe_.get(); }
  bool open() const { return static_cast<bool>(pipe_); }
  void Close() { pipe_.reset(); }
  // The lines kept, joined by " | ", at most `bytes_max` of their end.
  std::string LastWords(std::size_t bytes_max = 1024) const;

 private:
  void Finish(const std::function<void(const std::string&)>& on_line);

  UniqueFd pipe_;
  std::string partial_;
  std::deque<std::string> kept_;
};

// A pipe whose reading end does not block; both ends are closed on exec.
struct Pipe {
  UniqueFd read;
  UniqueFd write;
};
Pipe MakePipe();

}  // namespace holdfast
