// SPDX-License-Identifier: Apache-2.0
#include "gateway/inference.h"

#include "tensor/classification.h"

namespace holdfast {

std::vector<float> Probabilities(const ServableDescription& servable, const ItemOutcome& outcome) {
  std::vector<float> probabilities = outcome.scores;
  if (servable.output == OutputKind::kLogits) Softmax(probabilities);
  return probabilities;
}

std::string LabelOf(const ServableDescription& servable, std::uint32_t index) {
  return index < servable.labels.size() ? servable.labels[index] : std::to_string(index);
}

}  // namespace holdfast
