// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/api_documents.h"

#include <array>
#include <cstdint>

namespace holdfast {
namespace {

#include "api_documents.inc"  // kApiDocuments, which tools/embed_documents.py makes of api/.

constexpr std::string_view kOpenApi = "openapi.json";

}  // namespace

std::span<const EmbeddedDocument> ApiDocuments() { return kApiDocuments; }

HttpAnswer AnswerApiDocument(const Route& route, std::string_view if_none_match,
                             std::string_view request_id) {
  const std::string_view name = route.document ? std::string_view(*route.document) : kOpenApi;
  return AnswerDocument(kApiDocuments, name, if_none_match, request_id);
}

}  // namespace holdfast
