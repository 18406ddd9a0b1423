// SPDX-License-Identifier: Apache-2.0
#include "ipc/servable_list.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <utility>

namespace holdfast {
namespace {

const Error kMalformedServables{Reason::kBadRequest, "servable list: not as ours are"};

Result<ListedServable> DecodeListed(const rapidjson::Value& entry) {
  if (!entry.IsObject()) return kMalformedServables;
  const auto number = [&entry](const char* key) -> std::optional<std::uint64_t> {
    const auto member = entry.FindMember(key);
    if (member == entry.MemberEnd() || !member->value.IsUint64()) return std::nullopt;
    return member->value.GetUint64();
  };
  const auto text = [&entry](const char* key) -> std::optional<std::string> {
    const auto member = entry.FindMember(key);
    if (member == entry.MemberEnd() || !member->value.IsString()) return std::nullopt;
    return std::string(member->value.GetString(), member->value.GetStringLength());
  };
  const auto name = text("name");
  const auto message = text("message");
  const auto version = number("version");
  const auto state = number("state");
  const auto reason = number("reason");
  if (!name || !message || !version || !state || !reason) return kMalformedServables;
  if (!std::in_range<std::uint32_t>(*reason) || !std::in_range<std::int64_t>(*version)) {
    return kMalformedServables;
  }
  const auto known = ReasonFromNumber(static_cast<std::uint32_t>(*reason));
  if (*state > static_cast<std::uint64_t>(ServableState::kEnd) || !known)
    return kMalformedServables;
  ListedServable listed;
  listed.status = {.key = {*name, static_cast<std::int64_t>(*version)},
                   .state = static_cast<ServableState>(*state),
                   .reason = *known,
                   .message = *message};
  if (const auto id = number("servable")) {
    if (!std::in_range<std::uint32_t>(*id)) return kMalformedServables;
    listed.servable = ServableId{static_cast<std::uint32_t>(*id)};
  }
  return listed;
}

}  // namespace

std::string EncodeServableList(const std::vector<ListedServable>& list) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  const auto put = [&writer](const char* key, const std::string& text) {
    writer.Key(key);
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  };
  writer.StartArray();
  for (const ListedServable& listed : list) {
    writer.StartObject();
    if (listed.servable.has_value()) {
      writer.Key("servable");
      writer.Uint(listed.servable->value);
    }
    put("name", listed.status.key.name);
    writer.Key("version");
    writer.Int64(listed.status.key.version);
    writer.Key("state");
    writer.Uint(static_cast<std::uint32_t>(listed.status.state));
    writer.Key("reason");
    writer.Uint(static_cast<std::uint32_t>(listed.status.reason));
    put("message", listed.status.message);
    writer.EndObject();
  }
  writer.EndArray();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<std::vector<ListedServable>> DecodeServableList(std::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError() || !document.IsArray()) return kMalformedServables;
  std::vector<ListedServable> list;
  for (const rapidjson::Value& entry : document.GetArray()) {
    list.push_back(TRY(DecodeListed(entry)));
  }
  return list;
}

}  // namespace holdfast
