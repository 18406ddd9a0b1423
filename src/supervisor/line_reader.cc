// SPDX-License-Identifier: Apache-2.0
#include "supervisor/line_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"

namespace holdfast {

bool LineReader::Read(const std::function<void(const std::string&)>& on_line) {
  std::array<char, 4096> buffer{};
  for (int round = 0; round < 64; ++round) {  // A child that never stops talking gets its turn.
    const ssize_t count = ::read(pipe_.get(), buffer.data(), buffer.size());
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) {
      if (!partial_.empty()) Finish(on_line);
      return false;
    }
    for (ssize_t i = 0; i < count; ++i) {
      const char c = buffer.at(static_cast<std::size_t>(i));
      if (c != '\n') partial_ += c;
      if (c == '\n' || partial_.size() >= kLineMax) Finish(on_line);
    }
  }
  return true;
}

void LineReader::Finish(const std::function<void(const std::string&)>& on_line) {
  if (partial_.empty()) return;
  // What a library writes is not always text, and a log line must be.
  for (std::size_t at = 0; at < partial_.size();) {
    const std::size_t length = Utf8SequenceLength(std::string_view(partial_).substr(at));
    const char c = partial_[at];
    const bool is_control = (c >= 0 && c < ' ') || c == 0x7f;
    if (length == 0 || is_control) partial_[at] = '?';
    at += std::max<std::size_t>(length, 1);
  }
  kept_.push_back(std::move(partial_));
  partial_.clear();
  if (kept_.size() > kLinesKept) kept_.pop_front();
  on_line(kept_.back());
}

std::string LineReader::LastWords(std::size_t bytes_max) const {
  std::string words;
  for (const std::string& line : kept_) {
    if (!words.empty()) words += " | ";
    words += line;
  }
  if (words.size() <= bytes_max) return words;
  std::size_t cut = words.size() - bytes_max;
  while (cut < words.size() && Utf8SequenceLength(std::string_view(words).substr(cut)) == 0) ++cut;
  return words.substr(cut);
}

Pipe MakePipe() {
  std::array<int, 2> ends{};
  CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
  CHECK(::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace holdfast
