// SPDX-License-Identifier: Apache-2.0
#include "rollout/confidence.h"

#include <algorithm>
#include <cmath>

namespace holdfast {

Interval WilsonInterval(const Proportion& seen, double deviations) {
  if (seen.of == 0) return {};
  const auto n = static_cast<double>(seen.of);
  const double rate = seen.rate();
  const double square = deviations * deviations;
  const double centre = (rate + square / (2 * n)) / (1 + square / n);
  const double half =
      deviations / (1 + square / n) * std::sqrt(rate * (1 - rate) / n + square / (4 * n * n));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

Interval NewcombeInterval(const Proportion& a, const Proportion& b, double deviations) {
  const Interval of_a = WilsonInterval(a, deviations);
  const Interval of_b = WilsonInterval(b, deviations);
  const double difference = a.rate() - b.rate();
  return {difference - std::hypot(a.rate() - of_a.low, of_b.high - b.rate()),
          difference + std::hypot(of_a.high - a.rate(), b.rate() - of_b.low)};
}

}  // namespace holdfast
