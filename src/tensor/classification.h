// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace holdfast {

// From a row of scores to an answer: one code for the gateway and the command line, so that they
// cannot differ.

// Whether every score is a number, and finite.
bool AllFinite(std::span<const float> scores);

// Turns logits into probabilities, in place. Finite scores, however large, give finite results.
void Softmax(std::span<float> scores);

struct ClassScore {
  std::uint32_t index = 0;
  float probability = 0;
  bool operator==(const ClassScore&) const = default;
};

// The `count` highest, or as many as there are, highest first; of equals the lower index first.
std::vector<ClassScore> TopK(std::span<const float> probabilities, std::size_t count);

}  // namespace holdfast
