// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <string>
#include <string_view>

namespace holdfast {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

// `text` as UTF-8 that a terminal shows and does nothing else with: a worker's last words, or an
// id that a client chose, may be any bytes.
std::string ReadableText(std::string_view text);

// A JSON string of it.
void PutText(JsonWriter& writer, std::string_view text);

}  // namespace holdfast
