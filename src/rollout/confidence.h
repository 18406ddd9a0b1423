// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace holdfast {

// So many of so many.
struct Proportion {
  std::uint64_t count = 0;
  std::uint64_t of = 0;
  double rate() const { return of == 0 ? 0 : static_cast<double>(count) / static_cast<double>(of); }
};

struct Interval {
  double low = 0;
  double high = 1;
};

// Where the true rate lies, `deviations` standard deviations to each side: Wilson's score interval,
// which is sound for rates near 0 and for few trials, where rate ± deviation is not. Of no trials
// it is [0, 1].
Interval WilsonInterval(const Proportion& seen, double deviations);

// Where the difference of two true rates, a − b, lies: Newcombe's hybrid of their Wilson intervals
// (Statistics in Medicine 17, 1998, method 10).
Interval NewcombeInterval(const Proportion& a, const Proportion& b, double deviations);

}  // namespace holdfast
