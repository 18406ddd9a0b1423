// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/time.h"

namespace holdfast {

// A level, added up over time: two workers that are busy for a second are two seconds.
class LevelTime {
 public:
  void Set(std::size_t level, TimePoint now) {
    seconds_ = Seconds(now);
    level_ = level;
    since_ = now;
  }
  double Seconds(TimePoint now) const {
    if (level_ == 0) return seconds_;
    return seconds_ + static_cast<double>(level_) * holdfast::Seconds(now - since_);
  }

 private:
  double seconds_ = 0;
  std::size_t level_ = 0;
  TimePoint since_ = TimePoint::min();
};

}  // namespace holdfast
