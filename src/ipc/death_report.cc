// SPDX-License-Identifier: Apache-2.0
#include "ipc/death_report.h"

#include "ipc/json_fields.h"

namespace holdfast {

std::string EncodeDeathReport(const DeathReport& report) {
  JsonBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  writer.Key("pid");
  writer.Int64(report.pid);
  WriteText(writer, "exit", report.exit);
  WriteText(writer, "explanation", report.explanation);
  writer.Key("peak_rss_bytes");
  writer.Uint64(report.peak_rss_bytes);
  writer.Key("age_ms");
  writer.Uint64(report.age_ms);
  WriteText(writer, "last_words", report.last_words);
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

// A member that is missing or of another type is empty or 0: the rest is worth having.
Result<DeathReport> DecodeDeathReport(std::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  const Error malformed{Reason::kBadRequest, "death report: not as ours are"};
  if (document.HasParseError() || !document.IsObject()) return malformed;
  const auto pid = NumberField(document, "pid").value_or(0);
  if (!std::in_range<std::int64_t>(pid)) return malformed;
  return DeathReport{.pid = static_cast<std::int64_t>(pid),
                     .exit = TextField(document, "exit").value_or(""),
                     .explanation = TextField(document, "explanation").value_or(""),
                     .peak_rss_bytes = NumberField(document, "peak_rss_bytes").value_or(0),
                     .age_ms = NumberField(document, "age_ms").value_or(0),
                     .last_words = TextField(document, "last_words").value_or("")};
}

}  // namespace holdfast
