// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "gateway/http/face.h"

namespace holdfast {

// The content types of a successful answer.
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kCsv = "text/csv";
constexpr std::string_view kJsonLines = "application/jsonlines";

// Which one the Accept header prefers of those that the endpoint gives; nothing: it takes none.
std::optional<std::string_view> AnswerFormat(Endpoint endpoint, std::string_view accept);

}  // namespace holdfast
