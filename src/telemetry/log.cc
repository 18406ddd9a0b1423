// SPDX-License-Identifier: Apache-2.0
#include "telemetry/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <array>
#include <chrono>
#include <cmath>
#include <ctime>

namespace holdfast {
namespace {

constexpr std::array<std::string_view, 4> kLevelWords{"debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 4> kLevelLetters{"D", "I", "W", "E"};

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

void PutText(JsonWriter& writer, std::string_view text) {
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

struct JsonValue {
  JsonWriter& writer;
  void operator()(std::string_view text) const { PutText(writer, text); }
  void operator()(std::int64_t number) const { writer.Int64(number); }
  void operator()(double number) const {
    if (std::isfinite(number)) {
      writer.Double(number);
    } else {
      writer.Null();
    }
  }
  void operator()(bool truth) const { writer.Bool(truth); }
};

struct TextValue {
  std::string& line;
  void operator()(std::string_view text) const {
    const bool plain = text.find_first_of(" \"\n\t=") == std::string_view::npos && !text.empty();
    if (plain) {
      line += text;
      return;
    }
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    PutText(writer, text);
    line.append(buffer.GetString(), buffer.GetSize());
  }
  void operator()(std::int64_t number) const {
    fmt::format_to(std::back_inserter(line), "{}", number);
  }
  void operator()(double number) const {
    fmt::format_to(std::back_inserter(line), "{:.6g}", number);
  }
  void operator()(bool truth) const { line += truth ? "true" : "false"; }
};

std::string FormatTime(double unix_time, const char* format) {
  const auto seconds = static_cast<std::time_t>(unix_time);
  const auto milliseconds = static_cast<int>((unix_time - static_cast<double>(seconds)) * 1000.0);
  return fmt::format(fmt::runtime(format), fmt::gmtime(seconds), milliseconds);
}

}  // namespace

void Log::Write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!Writes(level)) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  sink_.WriteLine(FormatLogLine(options_.format, std::chrono::duration<double>(now).count(), level,
                                options_.role, event, fields));
}

std::string FormatLogLine(LogFormat format, double unix_time, LogLevel level, std::string_view role,
                          std::string_view event, std::initializer_list<LogField> fields) {
  const auto index = static_cast<std::size_t>(level);
  if (format == LogFormat::kText) {
    std::string line = FormatTime(unix_time, "{:%H:%M:%S}.{:03d} ");
    line += fmt::format("{} {}: {}", kLevelLetters.at(index), role, event);
    for (const LogField& field : fields) {
      line += fmt::format(" {}=", field.key);
      std::visit(TextValue{line}, field.value);
    }
    return line;
  }
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  writer.Key("time");
  PutText(writer, FormatTime(unix_time, "{:%Y-%m-%dT%H:%M:%S}.{:03d}Z"));
  writer.Key("level");
  PutText(writer, kLevelWords.at(index));
  writer.Key("role");
  PutText(writer, role);
  writer.Key("event");
  PutText(writer, event);
  for (const LogField& field : fields) {
    writer.Key(field.key.data(), static_cast<rapidjson::SizeType>(field.key.size()));
    std::visit(JsonValue{writer}, field.value);
  }
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace holdfast
