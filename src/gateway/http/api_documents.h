// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "base/bytes.h"
#include "gateway/http/face.h"

namespace holdfast {

// A file of api/ as it was when the server was built.
struct ApiDocument {
  std::string_view name;  // "openapi.json", "inference.proto"
  std::string_view media_type;
  std::string_view entity_tag;  // Of the content, with its quotes.
  ByteView content;
};

std::span<const ApiDocument> ApiDocuments();

// GET /openapi.json, GET /api/{document}. `if_none_match`: the request's header, empty where there
// is none. 304 where the client has it already; the connection sends that answer without its body.
HttpAnswer AnswerApiDocument(const Route& route, std::string_view if_none_match,
                             std::string_view request_id);

}  // namespace holdfast
