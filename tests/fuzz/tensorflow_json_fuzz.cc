// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>

#include "gateway/http/face.h"

// The first byte chooses the endpoint, the rest is the body. What is accepted must keep to the
// bounds that the scheduler relies on.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  if (size == 0) return 0;
  constexpr std::size_t kItemsMax = 4;
  constexpr std::size_t kTensorBytes = 24;
  static const ServableDescription servable = [] {
    ServableDescription tiny;
    tiny.key = {"tiny", 1};
    tiny.signature.input = {"x", DType::kFloat32, {kAnyDim, 2, 3}};
    tiny.signature.output = {"y", DType::kFloat32, {kAnyDim, 4}};
    return tiny;
  }();
  Route route;
  route.endpoint = bytes[0] == 'c'   ? Endpoint::kTensorFlowClassify
                   : bytes[0] == 'n' ? Endpoint::kInvocations
                                     : Endpoint::kPredict;
  HttpRequest request;
  if (bytes[0] == 'n') request.content_type = "application/x-npy";
  request.body = ByteView(bytes + 1, size - 1);
  const auto call = ParseCall(route, request, servable, kItemsMax);
  if (!call) {
    if (call.error().message.empty()) std::abort();
    return 0;
  }
  if (call->items.empty() || call->items.size() > kItemsMax) std::abort();
  for (const InferenceItem& item : call->items) {
    const std::size_t item_bytes = item.bytes.view().size();
    if (item_bytes == 0) std::abort();
    if (item.kind == ItemKind::kTensor && item_bytes != kTensorBytes) std::abort();
  }
  return 0;
}
