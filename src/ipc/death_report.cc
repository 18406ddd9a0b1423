// SPDX-License-Identifier: Apache-2.0
#include "ipc/death_report.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <utility>

namespace holdfast {

std::string EncodeDeathReport(const DeathReport& report) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  const auto put = [&writer](const char* key, const std::string& text) {
    writer.Key(key);
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  };
  writer.StartObject();
  writer.Key("pid");
  writer.Int64(report.pid);
  put("exit", report.exit);
  put("explanation", report.explanation);
  writer.Key("peak_rss_bytes");
  writer.Uint64(report.peak_rss_bytes);
  writer.Key("age_ms");
  writer.Uint64(report.age_ms);
  put("last_words", report.last_words);
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<DeathReport> DecodeDeathReport(std::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  const Error malformed{Reason::kBadRequest, "death report: not as ours are"};
  if (document.HasParseError() || !document.IsObject()) return malformed;
  const auto text = [&document](const char* key) -> std::string {
    const auto member = document.FindMember(key);
    if (member == document.MemberEnd() || !member->value.IsString()) return "";
    return {member->value.GetString(), member->value.GetStringLength()};
  };
  const auto number = [&document](const char* key) -> std::uint64_t {
    const auto member = document.FindMember(key);
    return member != document.MemberEnd() && member->value.IsUint64() ? member->value.GetUint64()
                                                                      : 0;
  };
  const std::uint64_t pid = number("pid");
  if (!std::in_range<std::int64_t>(pid)) return malformed;
  return DeathReport{.pid = static_cast<std::int64_t>(pid),
                     .exit = text("exit"),
                     .explanation = text("explanation"),
                     .peak_rss_bytes = number("peak_rss_bytes"),
                     .age_ms = number("age_ms"),
                     .last_words = text("last_words")};
}

}  // namespace holdfast
