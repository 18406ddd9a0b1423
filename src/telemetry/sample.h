// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace holdfast {

// At most `Most` of the numbers that it was given, each with the same chance to be among them.
template <std::size_t Most>
class Sample {
 public:
  void Add(double number) {
    ++seen_;
    if (numbers_.size() < Most) {
      numbers_.push_back(number);
      return;
    }
    const std::uint64_t place = std::uniform_int_distribution<std::uint64_t>(0, seen_ - 1)(random_);
    if (place < Most) numbers_[place] = number;
  }

  const std::vector<double>& numbers() const { return numbers_; }
  std::uint64_t seen() const { return seen_; }

 private:
  std::vector<double> numbers_;
  std::uint64_t seen_ = 0;
  std::minstd_rand random_{1};
};

}  // namespace holdfast
