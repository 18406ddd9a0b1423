// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <list>
#include <utility>

#include "base/time.h"

namespace holdfast {

// Connections that have begun a header and not ended it. They are the first to go when there are as
// many connections as there may be: clients send a header at once, but for those that mean harm.
class SlowHeaders {
 public:
  using Close = std::function<void()>;

  // A connection, as long as it reads a header.
  class Entry {
   public:
    // `close` ends the connection; it is called once at most.
    Entry(SlowHeaders& all, TimePoint since, Close close)
        : all_(all), place_(all.entries_.insert(all.entries_.end(), {since, std::move(close)})) {}
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() { all_.entries_.erase(place_); }

   private:
    SlowHeaders& all_;
    std::list<std::pair<TimePoint, Close>>::iterator place_;
  };

  // Ends those that began before `limit`; how many. Each leaves the list a little later.
  std::size_t CloseOlderThan(TimePoint limit) {
    std::size_t closed = 0;
    for (auto& [since, close] : entries_) {
      if (since >= limit) break;
      if (close == nullptr) continue;
      std::exchange(close, nullptr)();
      ++closed;
    }
    return closed;
  }

 private:
  std::list<std::pair<TimePoint, Close>> entries_;  // The longest-waiting first.
};

}  // namespace holdfast
