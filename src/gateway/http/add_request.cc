// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/add_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "gateway/encoding/json_reader.h"
#include "gateway/encoding/json_writer.h"
#include "model/repository.h"

namespace holdfast {
namespace {

bool LiesBelow(const std::filesystem::path& folder, const std::filesystem::path& root) {
  const auto [rest, rest_of_root] = std::ranges::mismatch(folder, root);
  return rest_of_root == root.end() && rest != folder.end();
}

}  // namespace

Result<AddOrder> ParseAddRequest(ByteView body, std::string_view root) {
  JsonReader reader(std::string_view(reinterpret_cast<const char*>(body.data()), body.size()));
  const Error wrong{Reason::kBadRequest,
                    fmt::format(R"(expected {{"model_name": NAME, "url": "{}/…"}})", root)};
  if (reader.Next() != JsonToken::kBeginObject) return wrong;
  AddOrder order;
  for (;;) {
    const JsonToken key = reader.Next();
    if (key == JsonToken::kError) return reader.error();
    if (key == JsonToken::kEndObject) break;
    const std::string name = reader.Text();
    const JsonToken value = reader.Next();
    if (value == JsonToken::kString && name == "model_name") {
      order.model = reader.Text();
    } else if (value == JsonToken::kString && name == "url") {
      order.folder = reader.Text();
    } else if (reader.Skip(value) == JsonToken::kError) {
      return reader.error();
    }
  }
  if (order.model.empty() || order.folder.empty()) return wrong;
  if (!IsModelName(order.model)) {
    return Error{Reason::kBadRequest,
                 fmt::format("model_name: {} is no model name", Excerpt(order.model))};
  }
  std::filesystem::path folder = std::filesystem::path(order.folder).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();  // "…/models/" is "…/models".
  if (order.folder.find('\0') != std::string::npos || !LiesBelow(folder, root)) {
    return Error{Reason::kBadRequest,
                 fmt::format("url: {} is no folder below {}", Excerpt(order.folder), root)};
  }
  return order;
}

}  // namespace holdfast
