// SPDX-License-Identifier: Apache-2.0
#include "tensor/classification.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace holdfast {

bool AllFinite(std::span<const float> scores) {
  return std::all_of(scores.begin(), scores.end(),
                     [](float score) { return std::isfinite(score); });
}

void Softmax(std::span<float> scores) {
  if (scores.empty()) return;
  const float highest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (float& score : scores) {
    // The difference in double: two finite floats may be further apart than a float can say.
    const double power = std::exp(static_cast<double>(score) - static_cast<double>(highest));
    score = static_cast<float>(power);
    sum += power;
  }
  for (float& score : scores) score = static_cast<float>(static_cast<double>(score) / sum);
}

std::vector<ClassScore> TopK(std::span<const float> probabilities, std::size_t count) {
  count = std::min(count, probabilities.size());
  std::vector<std::uint32_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), std::uint32_t{0});
  const auto higher = [&](std::uint32_t a, std::uint32_t b) {
    return probabilities[a] != probabilities[b] ? probabilities[a] > probabilities[b] : a < b;
  };
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(order.begin(), end, order.end(), higher);
  std::vector<ClassScore> best;
  best.reserve(count);
  for (auto index = order.begin(); index != end; ++index) {
    best.push_back({*index, probabilities[*index]});
  }
  return best;
}

}  // namespace holdfast
