// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/call/inference.h"
#include "tensor/classification.h"

namespace holdfast {

// The `top` most probable classes of an outcome, the best first.
std::vector<ClassScore> Best(const ServableDescription& servable, const ItemOutcome& outcome,
                             std::uint32_t top);

// A class as Triton's classification extension writes it: "0.8731:285:Egyptian cat". The number is
// the shortest that reads back as the same float32.
std::string ClassText(const ServableDescription& servable, const ClassScore& score);

// What the classification extension answers: outcomes × k texts, k the same for all.
struct ClassTexts {
  std::vector<std::string> texts;
  std::size_t per_item = 0;
};
ClassTexts ClassifyAll(const ServableDescription& servable,
                       const std::vector<ItemOutcome>& outcomes, std::uint32_t classes);

// Appends each text with its length in front, as 4 bytes, little-endian.
void AppendByteStrings(std::string& bytes, const std::vector<std::string>& texts);

// Appends all outcomes' scores as little-endian float32s.
void AppendScores(std::string& bytes, const std::vector<ItemOutcome>& outcomes);

}  // namespace holdfast
