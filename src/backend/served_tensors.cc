// SPDX-License-Identifier: Apache-2.0
#include "backend/served_tensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

namespace holdfast {
namespace {

constexpr std::size_t kImageRank = 4;
// 4096 × 4096 pixels, the largest crop, in three channels.
constexpr std::size_t kInputElementsMax = std::size_t{3} * 4096 * 4096;
constexpr std::size_t kClassesMax = 1'000'000;

std::string Listed(std::span<const TensorSpec> specs) {
  std::vector<std::string> texts;
  for (const TensorSpec& spec : specs) {
    texts.push_back(
        fmt::format("{} {}{}", spec.name, DTypeName(spec.dtype), FormatShape(spec.shape)));
  }
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

Error Refusal(std::string what, std::span<const TensorSpec> specs) {
  return {Reason::kBadModel, fmt::format("{}; the model has {}", what, Listed(specs))};
}

bool IsOneItem(std::int64_t batch) { return batch == kAnyDim || batch == 1; }

Status CheckInput(const TensorSpec& input, std::span<const TensorSpec> inputs) {
  if (input.dtype == DType::kString) {
    if (input.shape.size() == 1 && IsOneItem(input.shape[0])) return {};
    return Refusal("an input of encoded images must be a batch of them, [N]", inputs);
  }
  if (input.dtype != DType::kFloat32 && input.dtype != DType::kUint8) {
    return Refusal("the input must be float32, uint8, or encoded images", inputs);
  }
  if (input.shape.size() != kImageRank) {
    return Refusal(
        "the input must be one picture an item, [N,3,height,width] or "
        "[N,height,width,3]",
        inputs);
  }
  if (!IsOneItem(input.shape[0])) {
    return Refusal("the batch dimension must be open or 1: export the model with a dynamic batch",
                   inputs);
  }
  const Shape item = ItemShape(input);
  if (std::any_of(item.begin(), item.end(), [](std::int64_t dim) { return dim < 1; })) {
    return Refusal("the input needs a fixed height and width: export the model with them", inputs);
  }
  const auto elements = ElementCount(item);
  if (!elements || *elements > kInputElementsMax) {
    return Refusal("the input is larger than 3×4096×4096 elements an item", inputs);
  }
  return {};
}

// [N,C], or [N,C,1,1] as some exporters leave it.
bool IsRowOfScores(const TensorSpec& output) {
  return output.shape.size() >= 2 && std::all_of(output.shape.begin() + 2, output.shape.end(),
                                                 [](std::int64_t dim) { return dim == 1; });
}

}  // namespace

Result<ServedTensors> ChooseTensors(std::span<const TensorSpec> inputs,
                                    std::span<const TensorSpec> outputs) {
  if (inputs.size() != 1) return Refusal("a classifier must have exactly one input", inputs);
  TRY_DO(CheckInput(inputs[0], inputs));

  ServedTensors served;
  served.signature.input = inputs[0];
  const auto output = std::find_if(outputs.begin(), outputs.end(), IsRowOfScores);
  if (output == outputs.end()) {
    return Refusal("a classifier must have an output with one row of scores an item, [N,classes]",
                   outputs);
  }
  if (output->dtype != DType::kFloat32) return Refusal("the scores must be float32", outputs);
  if (!IsOneItem(output->shape[0])) {
    return Refusal("the output's batch dimension must be open or 1", outputs);
  }
  const std::int64_t classes = output->shape[1];
  if (classes < 1 || classes > static_cast<std::int64_t>(kClassesMax)) {
    return Refusal("the output must say its number of classes, from 1 to 1000000", outputs);
  }
  served.signature.output = *output;
  served.signature.output.shape.resize(2);
  served.output_index = static_cast<std::size_t>(output - outputs.begin());
  return served;
}

}  // namespace holdfast
