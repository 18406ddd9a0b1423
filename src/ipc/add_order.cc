// SPDX-License-Identifier: Apache-2.0
#include "ipc/add_order.h"

#include "ipc/json_fields.h"

namespace holdfast {

std::string EncodeAddOrder(const AddOrder& order) {
  JsonBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  WriteText(writer, "model", order.model);
  WriteText(writer, "folder", order.folder);
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<AddOrder> DecodeAddOrder(std::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  const auto model = TextField(document, "model");
  const auto folder = TextField(document, "folder");
  if (!model || model->empty() || !folder || folder->empty()) {
    return Error{Reason::kBadRequest, "add order: not as ours are"};
  }
  return AddOrder{.model = *model, .folder = *folder};
}

}  // namespace holdfast
