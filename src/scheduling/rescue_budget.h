// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>

#include "base/time.h"

namespace holdfast {

// Bounds how many items may be dispatched again after a worker failed, so that a fault which hits
// every worker cannot double the load: `burst` in ten seconds, plus a tenth of the recent items.
class RescueBudget {
 public:
  struct Options {
    std::size_t burst = 20;
    double share = 0.10;
    Duration window = std::chrono::seconds(10);
  };
  explicit RescueBudget(Options options) : options_(options) {}

  void CountItem(TimePoint now) { items_.Add(now, options_.window); }

  // Takes one rescue from the budget; false when it is spent.
  bool Take(TimePoint now) {
    const auto allowed =
        options_.burst + static_cast<std::size_t>(options_.share * static_cast<double>(items_.Count(
                                                                       now, options_.window)));
    if (rescues_.Count(now, options_.window) >= allowed) return false;
    rescues_.Add(now, options_.window);
    return true;
  }

 private:
  // Events in ten buckets a window: bounded memory at any rate.
  class SlidingCount {
   public:
    void Add(TimePoint now, Duration window) {
      Forget(now, window);
      const Duration width = window / kBuckets;
      if (buckets_.empty() || now - buckets_.back().start >= width) buckets_.push_back({now, 0});
      ++buckets_.back().count;
      ++total_;
    }
    std::size_t Count(TimePoint now, Duration window) {
      Forget(now, window);
      return total_;
    }

   private:
    static constexpr int kBuckets = 10;
    struct Bucket {
      TimePoint start;
      std::size_t count;
    };
    void Forget(TimePoint now, Duration window) {
      while (!buckets_.empty() && now - buckets_.front().start >= window) {
        total_ -= buckets_.front().count;
        buckets_.pop_front();
      }
    }
    std::deque<Bucket> buckets_;
    std::size_t total_ = 0;
  };

  Options options_;
  SlidingCount items_;
  SlidingCount rescues_;
};

}  // namespace holdfast
