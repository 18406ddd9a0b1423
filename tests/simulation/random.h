// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "base/time.h"

namespace holdfast::simulation {

// splitmix64: the same numbers from the same seed, with every compiler. So that a seed replays its
// world everywhere, no two draws may stand among the arguments of one call.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }  // [0, 1)
  double Between(double low, double high) { return low + (high - low) * Unit(); }
  // From `low` to `high`, each order of magnitude as likely as the others.
  double Across(double low, double high) {
    return std::exp(Between(std::log(low), std::log(high)));
  }
  Duration Between(Duration low, Duration high) { return low + Times(high - low, Unit()); }
  Duration Exponential(Duration mean) { return Times(mean, -std::log(1.0 - Unit())); }
  std::uint32_t Below(std::uint32_t bound) { return static_cast<std::uint32_t>(Next() % bound); }
  bool Chance(double probability) { return Unit() < probability; }

  static Duration Times(Duration d, double factor) {
    return Duration(std::llround(static_cast<double>(d.count()) * factor));
  }

 private:
  std::uint64_t state_;
};

}  // namespace holdfast::simulation
