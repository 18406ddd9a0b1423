// SPDX-License-Identifier: Apache-2.0
#include "telemetry/pipe_sink.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace holdfast {

void PipeSink::WriteLine(std::string_view line) {
  std::string whole(line);
  whole += '\n';
  if (pending_bytes_ + whole.size() > kPendingBytesMax) {
    ++dropped_;
    ++dropped_total_;
    return;
  }
  pending_bytes_ += whole.size();
  pending_.push_back(std::move(whole));
  Flush();
}

void PipeSink::Flush() {
  while (!pending_.empty()) {
    const std::string& front = pending_.front();
    if (!WriteNow(std::string_view(front).substr(front_written_), front_written_)) return;
    if (front_written_ < front.size()) continue;
    pending_bytes_ -= front.size();
    front_written_ = 0;
    pending_.pop_front();
    if (pending_.empty() && dropped_ > 0) {
      const std::uint64_t count = std::exchange(dropped_, 0);
      WriteLine("{\"event\":\"log-lines-dropped\",\"count\":" + std::to_string(count) + "}");
    }
  }
}

// A pipe that polls as writable takes PIPE_BUF bytes without blocking, as long as we are its only
// writer. A reader that is gone swallows everything: there is nobody left to tell.
bool PipeSink::WriteNow(std::string_view bytes, std::size_t& written) {
  pollfd state{fd_, POLLOUT, 0};
  if (::poll(&state, 1, 0) <= 0) return false;
  const std::size_t part = std::min<std::size_t>(bytes.size(), PIPE_BUF);
  const ssize_t count = ::write(fd_, bytes.data(), part);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  written += count < 0 ? bytes.size() : static_cast<std::size_t>(count);
  return true;
}

}  // namespace holdfast
