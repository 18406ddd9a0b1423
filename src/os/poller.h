// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/result.h"
#include "base/time.h"
#include "os/unique_fd.h"

namespace holdfast {

// A loop over descriptors for a process with one thread. A callback may add and remove any
// descriptor, its own included.
class Poller {
 public:
  static Result<Poller> Open();

  // Calls `on_readable` whenever `fd` can be read or has ended. The caller keeps `fd` open until
  // Remove().
  Status Add(int fd, std::function<void()> on_readable);
  void Remove(int fd);

  // Waits for events until `wake`, and runs their callbacks.
  Status Wait(TimePoint wake);

 private:
  explicit Poller(UniqueFd epoll) : epoll_(std::move(epoll)) {}

  UniqueFd epoll_;
  // Keyed by a number that is never used twice, so that an event which is still in hand cannot
  // reach a new descriptor with an old one's number.
  std::unordered_map<std::uint64_t, std::shared_ptr<std::function<void()>>> callbacks_;
  std::unordered_map<int, std::uint64_t> keys_;
  std::uint64_t next_key_ = 1;
};

}  // namespace holdfast
