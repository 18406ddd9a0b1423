// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace holdfast {

// Monotonic time everywhere: a step of the wall clock must not expire a request. Only os/ reads the
// clock; pure code is given `now`.
using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

constexpr TimePoint kNever = TimePoint::max();

constexpr double Seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
constexpr double Milliseconds(Duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

}  // namespace holdfast
