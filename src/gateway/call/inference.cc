// SPDX-License-Identifier: Apache-2.0
#include "gateway/call/inference.h"

#include <cmath>
#include <cstring>

#include "tensor/classification.h"

namespace holdfast {

bool IsFinite(const InferenceItem& item) {
  if (item.kind != ItemKind::kTensor) return true;
  const ByteView bytes = item.bytes.view();
  for (std::size_t at = 0; at + sizeof(float) <= bytes.size(); at += sizeof(float)) {
    float number = 0;
    std::memcpy(&number, bytes.data() + at, sizeof number);
    if (!std::isfinite(number)) return false;
  }
  return true;
}

std::vector<float> Probabilities(const ServableDescription& servable, const ItemOutcome& outcome) {
  std::vector<float> probabilities = outcome.scores;
  if (servable.output == OutputKind::kLogits) Softmax(probabilities);
  return probabilities;
}

std::string PlatformName(std::string_view engine) {
  const std::string name(engine.substr(0, engine.find(' ')));
  return name == "onnxruntime" ? "onnxruntime_onnx" : name;
}

std::string LabelOf(const ServableDescription& servable, std::uint32_t index) {
  return index < servable.labels.size() ? servable.labels[index] : std::to_string(index);
}

}  // namespace holdfast
