// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/answer_format.h"

#include <fmt/format.h>

#include <array>

#include "gateway/encoding/json_writer.h"
#include "gateway/http/media_type.h"

namespace holdfast {

std::optional<std::string_view> AnswerFormat(Endpoint endpoint, std::string_view accept) {
  constexpr std::array kClassifyOffers{kJson};
  constexpr std::array kInvocationsOffers{kJson, kCsv, kJsonLines};
  switch (endpoint) {
    case Endpoint::kClassify:
      return Negotiate(accept, kClassifyOffers);
    case Endpoint::kInvocations:
      return Negotiate(accept, kInvocationsOffers);
    default:
      return kJson;
  }
}

Status CheckAccept(const Route& route, std::string_view accept) {
  if (AnswerFormat(route.endpoint, accept)) return {};
  const std::string_view offers = route.endpoint == Endpoint::kInvocations
                                      ? "application/json, text/csv or application/jsonlines"
                                      : "application/json";
  return Error{Reason::kNotAcceptable,
               fmt::format("Accept: {}; this endpoint answers {}", Excerpt(accept), offers)};
}

}  // namespace holdfast
