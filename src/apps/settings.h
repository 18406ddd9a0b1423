// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "apps/server_config.h"

namespace holdfast {

// The member of ServerConfig that a setting fills. Its type decides how a value is read.
using SettingMember =
    std::variant<std::string ServerConfig::*, std::filesystem::path ServerConfig::*,
                 std::uint16_t ServerConfig::*, std::uint32_t ServerConfig::*,
                 std::uint64_t ServerConfig::*, std::optional<std::uint32_t> ServerConfig::*,
                 std::chrono::milliseconds ServerConfig::*, std::chrono::seconds ServerConfig::*,
                 LogStyle ServerConfig::*, LogLevel ServerConfig::*, SandboxMode ServerConfig::*,
                 Platform ServerConfig::*, ModelControl ServerConfig::*,
                 GraphCacheMode ServerConfig::*>;

// One line of the table that drives flags, variables, configuration file, --help, completion, man
// page and reference. Its default is ServerConfig's.
struct Setting {
  std::string_view name;   // "http_port": the file's key; flag and variable follow from it.
  std::string_view group;  // The heading it is listed under.
  std::string_view value;  // What --help shows for the value: "PORT", or its choices, "on|off".
  std::string_view unit;   // "ms"; empty where there is none. "bytes" takes KiB, MiB and GiB too.
  std::string_view help;
  SettingMember member;
  std::int64_t min = 0;  // Bounds, both included; numbers only.
  std::int64_t max = 0;
  std::string_view flag_alias = {};      // TensorFlow Serving's name for it: "rest_api_port".
  std::string_view variable_alias = {};  // A platform's variable, which gives way to our own.
};

std::span<const Setting> Settings();
const Setting* FindSetting(std::string_view name);

std::string FlagName(std::string_view setting_name);      // "http-port"
std::string VariableName(std::string_view setting_name);  // "HOLDFAST_HTTP_PORT"

// Reads `text` into the setting's member of `config`. Returns what is wrong with it, or nothing.
std::optional<std::string> AssignText(const Setting& setting, std::string_view text,
                                      ServerConfig& config);
// What AssignText would read back: "8080", "16MiB", "" for nothing set.
std::string FormatValue(const Setting& setting, const ServerConfig& config);
// "0 to 65535", "on, off or required", "text".
std::string DescribeValues(const Setting& setting);
bool IsNumber(const Setting& setting);

}  // namespace holdfast
