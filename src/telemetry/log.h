// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace holdfast {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kJson, kText };

// Where finished lines go. It never blocks: a log reader that stops must not stop a request.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void WriteLine(std::string_view line) = 0;  // Without the newline.
};

// One thing that an event says.
struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, double, bool>;
  LogField(std::string_view field_key, std::string_view text) : key(field_key), value(text) {}
  LogField(std::string_view field_key, const char* text)
      : key(field_key), value(std::string_view(text)) {}
  LogField(std::string_view field_key, const std::string& text)
      : key(field_key), value(std::string_view(text)) {}
  LogField(std::string_view field_key, bool truth) : key(field_key), value(truth) {}
  LogField(std::string_view field_key, double number) : key(field_key), value(number) {}
  template <class Integer>
    requires std::is_integral_v<Integer>
  LogField(std::string_view field_key, Integer number)
      : key(field_key), value(static_cast<std::int64_t>(number)) {}

  std::string_view key;
  Value value;
};

// What a process says of itself: one line an event. JSON for machines, or a form for people with
// the same words. An object that is handed down; there is no global logger.
class Log {
 public:
  struct Options {
    LogFormat format = LogFormat::kJson;
    LogLevel level = LogLevel::kInfo;
    std::string role;  // "supervisor", "gateway".
  };
  Log(LogSink& sink, Options options) : sink_(sink), options_(std::move(options)) {}

  void Debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
    Write(LogLevel::kDebug, event, fields);
  }
  void Info(std::string_view event, std::initializer_list<LogField> fields = {}) {
    Write(LogLevel::kInfo, event, fields);
  }
  void Warning(std::string_view event, std::initializer_list<LogField> fields = {}) {
    Write(LogLevel::kWarning, event, fields);
  }
  void Error(std::string_view event, std::initializer_list<LogField> fields = {}) {
    Write(LogLevel::kError, event, fields);
  }
  bool Writes(LogLevel level) const { return level >= options_.level; }

 private:
  void Write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);

  LogSink& sink_;
  Options options_;
};

// "2026-11-23T09:00:00.125Z"; seconds in.
std::string FormatTimestamp(double unix_time);

// One event as a line. `unix_time` in seconds.
std::string FormatLogLine(LogFormat format, double unix_time, LogLevel level, std::string_view role,
                          std::string_view event, std::initializer_list<LogField> fields);

}  // namespace holdfast
