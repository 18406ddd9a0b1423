// SPDX-License-Identifier: Apache-2.0
#include "ipc/label_order.h"

#include "ipc/json_fields.h"

namespace holdfast {

std::string EncodeLabelOrder(const LabelOrder& order) {
  JsonBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  WriteText(writer, "model", order.model);
  WriteText(writer, "label", order.label);
  if (order.version.has_value()) {
    writer.Key("version");
    writer.Int64(*order.version);
  }
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<LabelOrder> DecodeLabelOrder(std::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  const auto model = TextField(document, "model");
  const auto label = TextField(document, "label");
  const auto version = NumberField<std::int64_t>(document, "version");
  const bool has_version = FieldOf(document, "version") != nullptr;
  if (!model || !label || label->empty() || (has_version && !version)) {
    return Error{Reason::kBadRequest, "label order: not as ours are"};
  }
  return LabelOrder{.model = *model, .label = *label, .version = version};
}

}  // namespace holdfast
