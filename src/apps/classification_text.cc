// SPDX-License-Identifier: Apache-2.0
#include "apps/classification_text.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace holdfast {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void WriteText(Writer& writer, const char* key, const std::string& text) {
  writer.Key(key);
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

}  // namespace

std::string FormatTable(const std::string& file, const RemoteClassification& classification,
                        Duration elapsed) {
  std::string out = fmt::format("{}  ({}/{}, {:.1f} ms)\n", file, classification.model,
                                classification.version, Milliseconds(elapsed));
  for (const RemotePrediction& prediction : classification.predictions) {
    out += fmt::format("  {:6.2f} %  {} ({})\n", 100 * prediction.probability, prediction.label,
                       prediction.index);
  }
  return out;
}

std::string FormatJsonError(const std::string& file, const Error& error) {
  const ReasonEntry& entry = Describe(error.reason);
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  WriteText(writer, "file", file);
  WriteText(writer, "error", error.message);
  WriteText(writer, "message", error.message);
  writer.Key("code");
  writer.Int(entry.http);
  WriteText(writer, "reason", std::string(entry.word));
  writer.Key("retryable");
  writer.Bool(MayRetry(entry.retry));
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + '\n';
}

std::string FormatJson(const std::string& file, const RemoteClassification& classification) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  WriteText(writer, "file", file);
  WriteText(writer, "model", classification.model);
  WriteText(writer, "version", classification.version);
  writer.Key("predictions");
  writer.StartArray();
  for (const RemotePrediction& prediction : classification.predictions) {
    writer.StartObject();
    WriteText(writer, "label", prediction.label);
    writer.Key("index");
    writer.Uint64(prediction.index);
    writer.Key("probability");
    writer.Double(prediction.probability);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + '\n';
}

}  // namespace holdfast
