// SPDX-License-Identifier: Apache-2.0
#include "gateway/call/class_text.h"

#include <fmt/format.h>

namespace holdfast {

std::vector<ClassScore> Best(const ServableDescription& servable, const ItemOutcome& outcome,
                             std::uint32_t top) {
  return TopK(Probabilities(servable, outcome), top);
}

std::string ClassText(const ServableDescription& servable, const ClassScore& score) {
  return fmt::format("{}:{}:{}", score.probability, score.index, LabelOf(servable, score.index));
}

ClassTexts ClassifyAll(const ServableDescription& servable,
                       const std::vector<ItemOutcome>& outcomes, std::uint32_t classes) {
  ClassTexts all;
  for (const ItemOutcome& outcome : outcomes) {
    const auto best = Best(servable, outcome, classes);
    all.per_item = best.size();
    for (const ClassScore& score : best) all.texts.push_back(ClassText(servable, score));
  }
  return all;
}

void AppendByteStrings(std::string& bytes, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    const auto length = static_cast<std::uint32_t>(text.size());
    for (int shift = 0; shift < 32; shift += 8) {
      bytes += static_cast<char>(length >> shift & 0xff);
    }
    bytes += text;
  }
}

void AppendScores(std::string& bytes, const std::vector<ItemOutcome>& outcomes) {
  for (const ItemOutcome& outcome : outcomes) {
    bytes.append(reinterpret_cast<const char*>(outcome.scores.data()),
                 outcome.scores.size() * sizeof(float));
  }
}

}  // namespace holdfast
