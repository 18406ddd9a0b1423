// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "gateway/encoding/json_reader.h"
#include "gateway/http/drill_order.h"
#include "gateway/http/face.h"

namespace {

using namespace holdfast;

constexpr std::size_t kFew = 4;
constexpr std::size_t kTensorBytes = 24;

struct Face {
  char letter;
  Endpoint endpoint;
  std::string_view content_type;
};
// Every way in that a body has. The letter is the input's first byte.
constexpr Face kFaces[] = {
    {'p', Endpoint::kPredict, ""},
    {'c', Endpoint::kTensorFlowClassify, ""},
    {'t', Endpoint::kTensorFlowClassify, "image/jpeg"},
    {'i', Endpoint::kClassify, "image/png"},
    {'o', Endpoint::kClassify, "application/octet-stream"},
    {'n', Endpoint::kInvocations, "application/x-npy"},
    {'j', Endpoint::kInvocations, "application/json"},
    {'v', Endpoint::kInvocations, "image/webp"},
    {'q', Endpoint::kInfer, "application/json"},
    {'b', Endpoint::kInfer, ""},  // The JSON's length comes first, as two bytes.
    {'r', Endpoint::kPredictions, "multipart/form-data; boundary=X"},
};

const ServableDescription& Tiny() {
  static const ServableDescription servable = [] {
    ServableDescription tiny;
    tiny.key = {"tiny", 1};
    tiny.signature.input = {"x", DType::kFloat32, {kAnyDim, 2, 3}};
    tiny.signature.output = {"y", DType::kFloat32, {kAnyDim, 4}};
    return tiny;
  }();
  return servable;
}

void CheckJson(const HttpAnswer& answer) {
  JsonReader reader(answer.body);
  if (reader.Skip(reader.Next()) != JsonToken::kEndObject) std::abort();
}

}  // namespace

// What is accepted keeps to the bounds that the scheduler relies on, and has an answer; what is
// refused has words that fit into one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  if (bytes[0] == 'd') {
    const auto fault = ParseDrillOrder(ByteView(bytes + 1, size - 1));
    if (!fault && fault.error().message.empty()) std::abort();
    return 0;
  }
  const Face* face = &kFaces[0];
  for (const Face& candidate : kFaces) {
    if (candidate.letter == static_cast<char>(bytes[0])) face = &candidate;
  }
  Route route;
  route.endpoint = face->endpoint;
  HttpRequest request;
  request.content_type = face->content_type;
  request.body = ByteView(bytes + 1, size - 1);
  if (face->letter == 'b') {
    if (size < 3) return 0;
    request.json_bytes = bytes[1] | bytes[2] << 8;
    request.body = request.body.subspan(2);
  }
  const auto call = ParseCall(route, request, Tiny(), kFew);
  if (!call) {
    if (call.error().message.empty()) std::abort();
    CheckJson(RenderError(call.error().reason, call.error().message, Duration::zero(), "id"));
    return 0;
  }
  if (call->items.empty() || call->items.size() > kFew) std::abort();
  for (const InferenceItem& item : call->items) {
    const std::size_t item_bytes = item.bytes.view().size();
    if (item_bytes == 0) std::abort();
    if (item.kind == ItemKind::kTensor && item_bytes != kTensorBytes) std::abort();
  }
  ItemOutcome outcome;
  outcome.reason = Reason::kOk;
  outcome.scores = {0.5f, -2.0f, 3e-20f, 1e30f};
  const std::vector<ItemOutcome> outcomes(call->items.size(), outcome);
  CheckJson(RenderCall(route, request, *call, Tiny(), outcomes));
  return 0;
}
