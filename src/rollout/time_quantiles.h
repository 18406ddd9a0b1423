// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace holdfast {

// The times of many items, to two per cent, in bounded memory.
class TimeQuantiles {
 public:
  void Add(Duration time);
  std::uint64_t count() const { return count_; }
  Duration Quantile(double quantile) const;

  // Where the true quantile lies, whatever the times' distribution: how many of `count` times are
  // below it is binomial, so it lies between two of the ordered times. Zero and kUnbounded where
  // there are too few of them to say.
  static constexpr Duration kUnbounded = Duration::max();
  Duration Low(double quantile, double deviations) const;
  Duration High(double quantile, double deviations) const;

 private:
  // From 10 µs in steps of two per cent, to some minutes.
  static constexpr std::size_t kBuckets = 900;
  // The bucket of the time that `rank` others are below.
  std::size_t BucketAt(double rank) const;

  std::array<std::uint32_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
};

}  // namespace holdfast
