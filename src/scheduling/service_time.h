// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>

#include "base/time.h"

namespace holdfast {

// What one item costs a worker, as measured: the number that admission and hang detection use.
class ServiceTime {
 public:
  void Record(Duration sample) {
    mean_ = mean_ == Duration::zero() ? sample : mean_ + (sample - mean_) / 16;
  }

  // Zero until the first sample.
  Duration mean() const { return mean_; }

  // How long a dispatch may go unanswered before its worker counts as hung.
  Duration HangLimit(Duration floor) const { return std::max(floor, 10 * mean_); }

  // How long a dispatch is waited for while others want its place: beyond, its worker may hang.
  Duration OverdueLimit() const {
    return std::max<Duration>(std::chrono::milliseconds(100), 4 * mean_);
  }

 private:
  Duration mean_{0};
};

}  // namespace holdfast
