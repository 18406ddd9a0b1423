// SPDX-License-Identifier: Apache-2.0
#include "ipc/model_folders_text.h"

#include "ipc/json_fields.h"

namespace holdfast {
namespace {

const Error kMalformedFolders{Reason::kBadRequest, "model folders: not as ours are"};

}  // namespace

std::string EncodeModelFolders(const ModelFolders& folders) {
  JsonBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  WriteText(writer, "repository", folders.repository.native());
  writer.Key("models");
  writer.StartArray();
  for (const ServedModel& model : folders.models) {
    writer.StartObject();
    WriteText(writer, "name", model.name);
    WriteText(writer, "base_path", model.base_path.native());
    WriteRule(writer, model.rule);
    writer.Key("unpacked");
    writer.Bool(model.unpacked);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<ModelFolders> DecodeModelFolders(std::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  const auto repository = TextField(document, "repository");
  const rapidjson::Value* const models = ArrayField(document, "models");
  if (!repository || models == nullptr) return kMalformedFolders;
  ModelFolders folders{.repository = *repository, .models = {}};
  for (const rapidjson::Value& entry : models->GetArray()) {
    const auto name = TextField(entry, "name");
    const auto base_path = TextField(entry, "base_path");
    auto rule = ReadRule(entry);
    const rapidjson::Value* const unpacked = FieldOf(entry, "unpacked");
    const bool says = unpacked != nullptr && unpacked->IsBool();
    if (!name || !base_path || !rule || !says) return kMalformedFolders;
    folders.models.push_back({.name = *name,
                              .base_path = *base_path,
                              .rule = *std::move(rule),
                              .unpacked = unpacked->GetBool()});
  }
  return folders;
}

}  // namespace holdfast
