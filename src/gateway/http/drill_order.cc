// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/drill_order.h"

#include <optional>
#include <string>
#include <string_view>

#include "gateway/encoding/json_reader.h"

namespace holdfast {

Result<DrillFault> ParseDrillOrder(ByteView body) {
  JsonReader reader(std::string_view(reinterpret_cast<const char*>(body.data()), body.size()));
  const Error wrong{Reason::kBadRequest,
                    R"(expected {"fault": "kill"}, or "stop", "oom" or "garbage")"};
  if (reader.Next() != JsonToken::kBeginObject) return wrong;
  std::optional<DrillFault> fault;
  for (;;) {
    const JsonToken key = reader.Next();
    if (key == JsonToken::kError) return reader.error();
    if (key == JsonToken::kEndObject) break;
    const bool is_fault = reader.Text() == "fault";
    const JsonToken value = reader.Next();
    if (!is_fault || value != JsonToken::kString || fault.has_value()) return wrong;
    fault = DrillFaultFromWord(reader.Text());
    if (!fault) return wrong;
  }
  if (!fault) return wrong;
  return *fault;
}

}  // namespace holdfast
