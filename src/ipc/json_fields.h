// SPDX-License-Identifier: Apache-2.0
// How our processes write what they tell each other as JSON, and read it again. Whoever reads takes
// no member for granted.
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "model/model_rule.h"

namespace holdfast {

using JsonBuffer = rapidjson::StringBuffer;
using JsonWriter = rapidjson::Writer<JsonBuffer>;

inline void WriteText(JsonWriter& writer, const char* key, const std::string& text) {
  writer.Key(key);
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

inline const rapidjson::Value* FieldOf(const rapidjson::Value& object, const char* key) {
  if (!object.IsObject()) return nullptr;
  const auto member = object.FindMember(key);
  return member == object.MemberEnd() ? nullptr : &member->value;
}

inline const rapidjson::Value* ArrayField(const rapidjson::Value& object, const char* key) {
  const rapidjson::Value* const value = FieldOf(object, key);
  return value != nullptr && value->IsArray() ? value : nullptr;
}

inline std::optional<std::string> TextField(const rapidjson::Value& object, const char* key) {
  const rapidjson::Value* const value = FieldOf(object, key);
  if (value == nullptr || !value->IsString()) return std::nullopt;
  return std::string(value->GetString(), value->GetStringLength());
}

template <class Number = std::uint64_t>
std::optional<Number> NumberField(const rapidjson::Value& object, const char* key) {
  const rapidjson::Value* const value = FieldOf(object, key);
  if (value == nullptr || !value->IsUint64()) return std::nullopt;
  if (!std::in_range<Number>(value->GetUint64())) return std::nullopt;
  return static_cast<Number>(value->GetUint64());
}

// A model's labels, as the member "labels" of the object that is being written.
inline void WriteLabels(JsonWriter& writer, const VersionLabels& labels) {
  writer.Key("labels");
  writer.StartObject();
  for (const auto& [label, version] : labels) {
    writer.Key(label.data(), static_cast<rapidjson::SizeType>(label.size()));
    writer.Int64(version);
  }
  writer.EndObject();
}

inline std::optional<VersionLabels> ReadLabels(const rapidjson::Value& object) {
  const rapidjson::Value* const members = FieldOf(object, "labels");
  if (members == nullptr || !members->IsObject()) return std::nullopt;
  VersionLabels labels;
  for (const auto& member : members->GetObject()) {
    if (!member.value.IsInt64()) return std::nullopt;
    labels[std::string(member.name.GetString(), member.name.GetStringLength())] =
        member.value.GetInt64();
  }
  return labels;
}

// A model's rule, as members of the object that is being written.
inline void WriteRule(JsonWriter& writer, const ModelRule& rule) {
  WriteText(writer, "policy", FormatVersionPolicy(rule.policy));
  WriteLabels(writer, rule.labels);
}

inline std::optional<ModelRule> ReadRule(const rapidjson::Value& object) {
  const auto policy_text = TextField(object, "policy");
  auto labels = ReadLabels(object);
  if (!policy_text || !labels) return std::nullopt;
  const Result<VersionPolicy> policy = ParseVersionPolicy(*policy_text);
  if (!policy) return std::nullopt;
  return ModelRule{.policy = *policy, .labels = *std::move(labels)};
}

}  // namespace holdfast
