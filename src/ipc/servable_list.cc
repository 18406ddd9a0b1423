// SPDX-License-Identifier: Apache-2.0
#include "ipc/servable_list.h"

#include "ipc/rollout_fields.h"

namespace holdfast {
namespace {

const Error kMalformedServables{Reason::kBadRequest, "servable list: not as ours are"};

Result<ListedServable> DecodeListed(const rapidjson::Value& entry) {
  const auto name = TextField(entry, "name");
  const auto message = TextField(entry, "message");
  const auto version = NumberField<std::int64_t>(entry, "version");
  const auto state = NumberField<std::uint32_t>(entry, "state");
  const auto number = NumberField<std::uint32_t>(entry, "reason");
  if (!name || !message || !version || !state || !number) return kMalformedServables;
  const auto reason = ReasonFromNumber(*number);
  if (*state > static_cast<std::uint32_t>(ServableState::kEnd) || !reason) {
    return kMalformedServables;
  }
  ListedServable listed;
  listed.status = {.key = {*name, *version},
                   .state = static_cast<ServableState>(*state),
                   .reason = *reason,
                   .message = *message};
  if (FieldOf(entry, "servable") != nullptr) {
    const auto id = NumberField<std::uint32_t>(entry, "servable");
    if (!id) return kMalformedServables;
    listed.servable = ServableId{*id};
  }
  return listed;
}

void WriteListed(JsonWriter& writer, const ListedServable& listed) {
  writer.StartObject();
  if (listed.servable.has_value()) {
    writer.Key("servable");
    writer.Uint(listed.servable->value);
  }
  WriteText(writer, "name", listed.status.key.name);
  writer.Key("version");
  writer.Int64(listed.status.key.version);
  writer.Key("state");
  writer.Uint(static_cast<std::uint32_t>(listed.status.state));
  writer.Key("reason");
  writer.Uint(static_cast<std::uint32_t>(listed.status.reason));
  WriteText(writer, "message", listed.status.message);
  writer.EndObject();
}

}  // namespace

std::string EncodeServableList(const ServableList& list) {
  JsonBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  writer.Key("servables");
  writer.StartArray();
  for (const ListedServable& listed : list.servables) WriteListed(writer, listed);
  writer.EndArray();
  writer.Key("models");
  writer.StartArray();
  for (const auto& [model, labels] : list.labels) {
    writer.StartObject();
    WriteText(writer, "name", model);
    WriteLabels(writer, labels);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("rollouts");
  writer.StartArray();
  for (const auto& [model, rollout] : list.rollouts) {
    writer.StartObject();
    WriteText(writer, "name", model);
    WriteRollout(writer, rollout);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("added");
  writer.StartArray();
  for (const auto& [model, folder] : list.folders) {
    writer.StartObject();
    WriteText(writer, "name", model);
    WriteText(writer, "folder", folder);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<ServableList> DecodeServableList(std::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError()) return kMalformedServables;
  const rapidjson::Value* const servables = ArrayField(document, "servables");
  const rapidjson::Value* const models = ArrayField(document, "models");
  const rapidjson::Value* const rollouts = ArrayField(document, "rollouts");
  const rapidjson::Value* const added = ArrayField(document, "added");
  if (servables == nullptr || models == nullptr || rollouts == nullptr || added == nullptr) {
    return kMalformedServables;
  }
  ServableList list;
  for (const rapidjson::Value& entry : servables->GetArray()) {
    list.servables.push_back(TRY(DecodeListed(entry)));
  }
  for (const rapidjson::Value& entry : models->GetArray()) {
    const auto name = TextField(entry, "name");
    auto labels = ReadLabels(entry);
    if (!name || !labels) return kMalformedServables;
    list.labels[*name] = *std::move(labels);
  }
  for (const rapidjson::Value& entry : rollouts->GetArray()) {
    const auto name = TextField(entry, "name");
    const auto rollout = ReadRollout(entry);
    if (!name || !rollout) return kMalformedServables;
    list.rollouts[*name] = *rollout;
  }
  for (const rapidjson::Value& entry : added->GetArray()) {
    const auto name = TextField(entry, "name");
    auto folder = TextField(entry, "folder");
    if (!name || !folder) return kMalformedServables;
    list.folders[*name] = *std::move(folder);
  }
  return list;
}

}  // namespace holdfast
