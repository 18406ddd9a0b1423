// SPDX-License-Identifier: Apache-2.0
#include "rollout/time_quantiles.h"

#include <algorithm>
#include <cmath>

namespace holdfast {
namespace {

constexpr double kShortest = 1e-5;  // Seconds.
constexpr double kStep = 1.02;

Duration EdgeOf(std::size_t bucket) {
  const double seconds = kShortest * std::pow(kStep, static_cast<double>(bucket));
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

double DeviationOf(double quantile, std::uint64_t count) {
  return std::sqrt(static_cast<double>(count) * quantile * (1 - quantile));
}

}  // namespace

void TimeQuantiles::Add(Duration time) {
  const double steps = std::log(std::max(Seconds(time), kShortest) / kShortest) / std::log(kStep);
  ++buckets_[std::min(static_cast<std::size_t>(steps), kBuckets - 1)];
  ++count_;
}

std::size_t TimeQuantiles::BucketAt(double rank) const {
  double below = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    below += buckets_[i];
    if (below > rank) return i;
  }
  return kBuckets - 1;
}

Duration TimeQuantiles::Quantile(double quantile) const {
  if (count_ == 0) return Duration::zero();
  return EdgeOf(BucketAt(quantile * static_cast<double>(count_ - 1)));
}

Duration TimeQuantiles::Low(double quantile, double deviations) const {
  const double rank =
      quantile * static_cast<double>(count_) - deviations * DeviationOf(quantile, count_) - 1;
  return rank < 0 ? Duration::zero() : EdgeOf(BucketAt(std::floor(rank)));
}

Duration TimeQuantiles::High(double quantile, double deviations) const {
  const double rank =
      quantile * static_cast<double>(count_) + deviations * DeviationOf(quantile, count_);
  if (rank >= static_cast<double>(count_)) return kUnbounded;
  return EdgeOf(BucketAt(std::ceil(rank)) + 1);
}

}  // namespace holdfast
