// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/time.h"

namespace holdfast::simulation {

// What happens when, in simulated time. Events of the same instant keep their order.
class Agenda {
 public:
  using Act = std::function<void()>;

  TimePoint now() const { return now_; }
  std::uint64_t events() const { return done_; }

  void At(TimePoint when, Act act) {
    heap_.push_back({std::max(when, now_), sequence_++, std::move(act)});
    std::push_heap(heap_.begin(), heap_.end(), Later);
  }
  void In(Duration delay, Act act) { At(now_ + delay, std::move(act)); }

  // False when nothing is left.
  bool RunNext() {
    if (heap_.empty()) return false;
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    Event event = std::move(heap_.back());
    heap_.pop_back();
    now_ = event.when;
    ++done_;
    event.act();
    return true;
  }
  void RunUntil(TimePoint end) {
    while (!heap_.empty() && heap_.front().when <= end) RunNext();
    now_ = std::max(now_, end);
  }

  // The host stands still: the clock goes on, and everything else is that much later.
  void Freeze(Duration duration) {
    now_ += duration;
    for (Event& event : heap_) event.when += duration;  // The same for all: still a heap.
  }

 private:
  struct Event {
    TimePoint when;
    std::uint64_t sequence;
    Act act;
  };
  static bool Later(const Event& a, const Event& b) {
    return std::pair(a.when, a.sequence) > std::pair(b.when, b.sequence);
  }

  TimePoint now_{std::chrono::hours(1)};
  std::uint64_t sequence_ = 0;
  std::uint64_t done_ = 0;
  std::vector<Event> heap_;
};

}  // namespace holdfast::simulation
