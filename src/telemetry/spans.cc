// SPDX-License-Identifier: Apache-2.0
#include "telemetry/spans.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "telemetry/json_text.h"

namespace holdfast {
namespace {

constexpr int kStatusError = 2;

// 64-bit numbers are text in Protocol Buffers' JSON.
void PutNumber(JsonWriter& writer, const char* key, std::int64_t number) {
  writer.Key(key);
  PutText(writer, std::to_string(number));
}

void PutMember(JsonWriter& writer, const char* key, std::string_view text) {
  writer.Key(key);
  PutText(writer, text);
}

void PutAttribute(JsonWriter& writer, const Span::Attribute& attribute) {
  writer.StartObject();
  PutMember(writer, "key", attribute.key);
  writer.Key("value");
  writer.StartObject();
  if (const auto* text = std::get_if<std::string>(&attribute.value)) {
    PutMember(writer, "stringValue", *text);
  } else {
    PutNumber(writer, "intValue", std::get<std::int64_t>(attribute.value));
  }
  writer.EndObject();
  writer.EndObject();
}

void PutAttributes(JsonWriter& writer, std::span<const Span::Attribute> attributes) {
  writer.Key("attributes");
  writer.StartArray();
  for (const Span::Attribute& attribute : attributes) PutAttribute(writer, attribute);
  writer.EndArray();
}

void PutSpan(JsonWriter& writer, const Span& span) {
  writer.StartObject();
  PutMember(writer, "traceId", span.trace_id);
  PutMember(writer, "spanId", span.span_id);
  if (!span.parent_id.empty()) PutMember(writer, "parentSpanId", span.parent_id);
  PutMember(writer, "name", span.name);
  writer.Key("kind");
  writer.Int(static_cast<int>(span.kind));
  PutNumber(writer, "startTimeUnixNano", span.begin_unix_ns);
  PutNumber(writer, "endTimeUnixNano", span.end_unix_ns);
  PutAttributes(writer, span.attributes);
  if (!span.error.empty()) {
    writer.Key("status");
    writer.StartObject();
    writer.Key("code");
    writer.Int(kStatusError);
    PutMember(writer, "message", span.error);
    writer.EndObject();
  }
  writer.EndObject();
}

}  // namespace

std::string EncodeSpans(std::string_view service, std::string_view version,
                        std::span<const Span> spans) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  writer.Key("resourceSpans");
  writer.StartArray();
  writer.StartObject();
  writer.Key("resource");
  writer.StartObject();
  const std::vector<Span::Attribute> resource{{"service.name", std::string(service)},
                                              {"service.version", std::string(version)}};
  PutAttributes(writer, resource);
  writer.EndObject();
  writer.Key("scopeSpans");
  writer.StartArray();
  writer.StartObject();
  writer.Key("scope");
  writer.StartObject();
  PutMember(writer, "name", "holdfast");
  writer.EndObject();
  writer.Key("spans");
  writer.StartArray();
  for (const Span& span : spans) PutSpan(writer, span);
  writer.EndArray();
  writer.EndObject();
  writer.EndArray();
  writer.EndObject();
  writer.EndArray();
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace holdfast
