// SPDX-License-Identifier: Apache-2.0
#include "ipc/rollout_order.h"

#include "ipc/rollout_fields.h"

namespace holdfast {

std::string EncodeRolloutOrder(const RolloutOrder& order) {
  JsonBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  WriteText(writer, "model", order.model);
  WriteRollout(writer, order.rollout);
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

std::string EncodeRolloutEndOrder(const RolloutEndOrder& order) {
  JsonBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  WriteText(writer, "model", order.model);
  WriteText(writer, "why", order.why);
  if (order.version.has_value()) {
    writer.Key("version");
    writer.Int64(*order.version);
  }
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<RolloutOrder> DecodeRolloutOrder(std::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  const auto model = TextField(document, "model");
  const auto rollout = ReadRollout(document);
  if (!model || !rollout) return Error{Reason::kBadRequest, "rollout order: not as ours are"};
  return RolloutOrder{.model = *model, .rollout = *rollout};
}

Result<RolloutEndOrder> DecodeRolloutEndOrder(std::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  const auto model = TextField(document, "model");
  const auto why = TextField(document, "why");
  const auto version = NumberField<std::int64_t>(document, "version");
  const bool has_version = FieldOf(document, "version") != nullptr;
  if (!model || !why || (has_version && !version)) {
    return Error{Reason::kBadRequest, "rollout order: not as ours are"};
  }
  return RolloutEndOrder{.model = *model, .version = version, .why = *why};
}

}  // namespace holdfast
