// SPDX-License-Identifier: Apache-2.0
#include "ipc/rollout_fields.h"

namespace holdfast {
namespace {

void WriteRatio(JsonWriter& writer, const char* key, double ratio) {
  writer.Key(key);
  writer.Double(ratio);
}

std::optional<double> RatioField(const rapidjson::Value& object, const char* key) {
  const rapidjson::Value* const value = FieldOf(object, key);
  if (value == nullptr || !value->IsNumber() || value->GetDouble() < 0) return std::nullopt;
  return value->GetDouble();
}

}  // namespace

void WriteRollout(JsonWriter& writer, const Rollout& rollout) {
  const RolloutRule& rule = rollout.rule;
  writer.Key("version");
  writer.Int64(rollout.version);
  writer.Key("kind");
  writer.Uint(static_cast<std::uint32_t>(rule.kind));
  WriteText(writer, "header", rule.header);
  WriteText(writer, "header_value", rule.header_value);
  writer.Key("window_s");
  writer.Int64(rule.window.count());
  writer.Key("requests_min");
  writer.Uint64(rule.requests_min);
  WriteRatio(writer, "percent", rule.percent);
  WriteRatio(writer, "errors_max", rule.errors_max);
  WriteRatio(writer, "invalid_max", rule.invalid_max);
  WriteRatio(writer, "latency_max", rule.latency_max);
  WriteRatio(writer, "disagreement_max", rule.disagreement_max);
  writer.Key("promote");
  writer.Uint(rule.promote ? 1 : 0);
}

std::optional<Rollout> ReadRollout(const rapidjson::Value& object) {
  const auto version = NumberField<std::int64_t>(object, "version");
  const auto kind = NumberField<std::uint32_t>(object, "kind");
  const auto header = TextField(object, "header");
  const auto header_value = TextField(object, "header_value");
  const auto window = NumberField<std::int64_t>(object, "window_s");
  const auto requests_min = NumberField(object, "requests_min");
  const auto percent = RatioField(object, "percent");
  const auto errors_max = RatioField(object, "errors_max");
  const auto invalid_max = RatioField(object, "invalid_max");
  const auto latency_max = RatioField(object, "latency_max");
  const auto disagreement_max = RatioField(object, "disagreement_max");
  const auto promote = NumberField<std::uint32_t>(object, "promote");
  const bool is_kind = kind && (*kind == static_cast<std::uint32_t>(RolloutKind::kCanary) ||
                                *kind == static_cast<std::uint32_t>(RolloutKind::kShadow));
  if (!version || !is_kind || !header || !header_value || !window || !requests_min || !percent ||
      !errors_max || !invalid_max || !latency_max || !disagreement_max || !promote) {
    return std::nullopt;
  }
  return Rollout{.version = *version,
                 .rule = {.kind = static_cast<RolloutKind>(*kind),
                          .percent = *percent,
                          .header = *header,
                          .header_value = *header_value,
                          .window = std::chrono::seconds(*window),
                          .requests_min = *requests_min,
                          .errors_max = *errors_max,
                          .invalid_max = *invalid_max,
                          .latency_max = *latency_max,
                          .disagreement_max = *disagreement_max,
                          .promote = *promote != 0}};
}

}  // namespace holdfast
