// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "gateway/http/face.h"
#include "gateway/http/media_type.h"

// The values of Accept and Content-Type. What is agreed on is one of the offers, and a request that
// passes the check gets an answer in an agreed format.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  const std::string_view header(reinterpret_cast<const char*>(bytes), size);
  constexpr std::array<std::string_view, 3> kOffers{"application/json", "text/csv", "image/png"};
  const auto chosen = Negotiate(header, kOffers);
  if (chosen && std::ranges::find(kOffers, *chosen) == kOffers.end()) std::abort();

  const std::string type = MediaType(header);
  if (type.size() > size || MediaType(type) != type) std::abort();
  if (std::ranges::any_of(type, [](char c) { return (c >= 'A' && c <= 'Z') || c == ';'; })) {
    std::abort();
  }

  for (const Endpoint endpoint :
       {Endpoint::kClassify, Endpoint::kInvocations, Endpoint::kPredict}) {
    Route route;
    route.endpoint = endpoint;
    if (!CheckAccept(route, header)) continue;
    ServableDescription servable;
    servable.key = {"tiny", 1};
    HttpRequest request;
    request.accept = header;
    ItemOutcome outcome;
    outcome.reason = Reason::kOk;
    outcome.scores = {0.25f, 0.75f};
    const HttpAnswer answer = RenderCall(route, request, ParsedCall{}, servable, {outcome});
    if (answer.status != 200 || answer.content_type.empty() || answer.body.empty()) std::abort();
  }
  return 0;
}
