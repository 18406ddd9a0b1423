// SPDX-License-Identifier: Apache-2.0
#include "os/poller.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "os/steady_clock.h"
#include "os/system_error.h"

namespace holdfast {

Result<Poller> Poller::Open() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return SystemError("make an epoll set");
  return Poller(std::move(epoll));
}

Status Poller::Add(int fd, std::function<void()> on_readable) {
  const std::uint64_t key = next_key_++;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return SystemError("watch a descriptor");
  }
  callbacks_[key] = std::make_shared<std::function<void()>>(std::move(on_readable));
  keys_[fd] = key;
  return {};
}

void Poller::Remove(int fd) {
  const auto entry = keys_.find(fd);
  if (entry == keys_.end()) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  callbacks_.erase(entry->second);
  keys_.erase(entry);
}

Status Poller::Wait(TimePoint wake) {
  std::array<epoll_event, 64> events{};
  int timeout_ms = -1;
  if (wake != kNever) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        std::max(wake, TimePoint(Duration::zero())) - Now());
    timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
  }
  const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
  if (count < 0 && errno != EINTR) return SystemError("wait for events");
  for (int i = 0; i < count; ++i) {
    // By value: the kernel's record is packed, and its words are not aligned.
    const std::uint64_t key = events.at(static_cast<std::size_t>(i)).data.u64;
    const auto entry = callbacks_.find(key);
    if (entry == callbacks_.end()) continue;  // Removed by an earlier callback of this round.
    const auto callback = entry->second;      // Lives on if it removes itself.
    (*callback)();
  }
  return {};
}

}  // namespace holdfast
