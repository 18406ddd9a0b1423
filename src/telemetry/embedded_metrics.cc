// SPDX-License-Identifier: Apache-2.0
#include "telemetry/embedded_metrics.h"

#include <cmath>

#include "base/check.h"
#include "telemetry/json_text.h"

namespace holdfast {
namespace {

constexpr std::size_t kDimensionBytesMax = 1024;
constexpr int kDecimalPlaces = 3;  // Microseconds, where the unit is milliseconds.

void PutDirective(JsonWriter& writer, const EmbeddedMetrics& metrics) {
  writer.StartObject();
  writer.Key("Namespace");
  PutText(writer, metrics.name_space);
  writer.Key("Dimensions");
  writer.StartArray();
  writer.StartArray();
  for (const auto& [key, value] : metrics.dimensions) PutText(writer, key);
  writer.EndArray();
  writer.EndArray();
  writer.Key("Metrics");
  writer.StartArray();
  for (const EmbeddedMetrics::Metric& metric : metrics.metrics) {
    if (metric.values.empty()) continue;
    writer.StartObject();
    writer.Key("Name");
    writer.String(metric.name);
    writer.Key("Unit");
    writer.String(metric.unit);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
}

void PutValue(JsonWriter& writer, double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) {
    writer.Int64(static_cast<std::int64_t>(value));
  } else {
    writer.Double(value);
  }
}

}  // namespace

std::string FormatEmbeddedMetrics(const EmbeddedMetrics& given) {
  EmbeddedMetrics metrics = given;
  CHECK(metrics.metrics.size() <= kEmbeddedMetricsMax);
  for (EmbeddedMetrics::Metric& metric : metrics.metrics) {
    CHECK(metric.values.size() <= kEmbeddedValuesMax);
    std::erase_if(metric.values, [](double value) { return !std::isfinite(value); });
  }
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.SetMaxDecimalPlaces(kDecimalPlaces);
  writer.StartObject();
  writer.Key("_aws");
  writer.StartObject();
  writer.Key("Timestamp");
  writer.Int64(metrics.unix_ms);
  writer.Key("CloudWatchMetrics");
  writer.StartArray();
  PutDirective(writer, metrics);
  writer.EndArray();
  writer.EndObject();
  for (const auto& [key, value] : metrics.dimensions) {
    writer.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
    PutText(writer, value.substr(0, kDimensionBytesMax));
  }
  for (const EmbeddedMetrics::Metric& metric : metrics.metrics) {
    if (metric.values.empty()) continue;
    writer.Key(metric.name);
    if (metric.samples) writer.StartArray();
    for (const double value : metric.values) PutValue(writer, value);
    if (metric.samples) writer.EndArray();
  }
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace holdfast
