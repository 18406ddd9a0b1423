// SPDX-License-Identifier: Apache-2.0
#include "apps/version_report.h"

#include <fmt/format.h>

#include <algorithm>

// report := line*     line := name ' ' value '\n'     The build's name is "build".
namespace holdfast {
namespace {
constexpr std::string_view kBuild = "build";
}  // namespace

std::string FormatEngineReport(const EngineReport& report) {
  std::string text = fmt::format("{} {}\n", kBuild, report.build_id);
  for (const auto& [name, version] : report.engines) text += fmt::format("{} {}\n", name, version);
  return text;
}

EngineReport ParseEngineReport(std::string_view text) {
  EngineReport report;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    const std::string name(line.substr(0, space));
    const std::string value(line.substr(space + 1));
    if (name == kBuild) {
      report.build_id = value;
    } else {
      report.engines.emplace_back(name, value);
    }
  }
  return report;
}

}  // namespace holdfast
