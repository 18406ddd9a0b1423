// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "gateway/call/inference.h"

namespace holdfast {

// The most items that one request may have, whatever its face.
constexpr std::size_t kItemsMax = 64;

// How a request's items were given, so that the answer has the same form.
enum class AnswerForm {
  kPredictions,        // Labels with probabilities: /classify, and /invocations with an image.
  kRowTensors,         // {"predictions": […]}: TensorFlow Serving's row form.
  kColumnTensors,      // {"outputs": …}: TensorFlow Serving's column form.
  kClassifyResult,     // {"results": [[["label", score], …], …]}.
  kInferenceProtocol,  // The Open Inference Protocol's output tensor.
  kLabelScores,        // {"label": probability, …}: TorchServe's.
};

// What an Open Inference Protocol request asks of its answer.
struct InferenceProtocolReply {
  std::string id;             // Echoed.
  std::uint32_t classes = 0;  // The classification extension: so many classes an item. 0: scores.
  bool binary = false;        // The tensor follows the JSON as bytes.
  bool operator==(const InferenceProtocolReply&) const = default;
};

struct ParsedCall {
  std::vector<InferenceItem> items;
  AnswerForm form = AnswerForm::kPredictions;
  InferenceProtocolReply reply;  // For kInferenceProtocol.
};

// Why a body gives no call.
struct CallError : Error {
  std::optional<std::size_t> item;  // The one that is at fault. Nothing: the request as a whole.
  // The model has no such signature, for which TensorFlow Serving's gRPC has a code of its own.
  bool precondition = false;
};
class [[nodiscard]] CallResult : public tl::expected<ParsedCall, CallError> {
 public:
  using expected::expected;
  // Implicit, so that a function can return an error.
  // NOLINTNEXTLINE(google-explicit-constructor)
  CallResult(CallError error) : expected(tl::unexpect, std::move(error)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  CallResult(Error error) : CallResult(CallError{std::move(error), std::nullopt, false}) {}
};

}  // namespace holdfast
