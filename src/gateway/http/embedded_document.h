// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "base/bytes.h"
#include "gateway/http/face.h"

namespace holdfast {

// A file of this repository as it was when the server was built; tools/embed_documents.py makes
// them.
struct EmbeddedDocument {
  std::string_view name;  // "openapi.json", "inference.proto"
  std::string_view media_type;
  std::string_view entity_tag;  // Of the content, with its quotes.
  ByteView content;
};

// The one of `documents` that is called `name`; 404 with their names where there is none.
// `if_none_match`: the request's header, empty where it has none. 304 where the client has the
// document already; the connection sends that answer without its body.
HttpAnswer AnswerDocument(std::span<const EmbeddedDocument> documents, std::string_view name,
                          std::string_view if_none_match, std::string_view request_id);

}  // namespace holdfast
