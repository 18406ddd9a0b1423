// SPDX-License-Identifier: Apache-2.0
#include "telemetry/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <ctime>

#include "telemetry/json_text.h"

namespace holdfast {
namespace {

constexpr std::array<std::string_view, 4> kLevelWords{"debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 4> kLevelLetters{"D", "I", "W", "E"};

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
    const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
      return c > ' ' && c < '\x7f' && c != '"' && c != '=';
    });
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

std::string FormatTimestamp(double unix_time) {
  return FormatTime(unix_time, "{:%Y-%m-%dT%H:%M:%S}.{:03d}Z");
}

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
  PutText(writer, FormatTimestamp(unix_time));
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
