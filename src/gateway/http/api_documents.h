// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/http/embedded_document.h"

namespace holdfast {

// The files of api/.
std::span<const EmbeddedDocument> ApiDocuments();

// GET /openapi.json, GET /api/{document}.
HttpAnswer AnswerApiDocument(const Route& route, std::string_view if_none_match,
                             std::string_view request_id);

}  // namespace holdfast
