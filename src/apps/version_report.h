// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {

// What holdfast-worker says of itself, when it is asked with the argument "engines".
struct EngineReport {
  std::string build_id;
  std::vector<std::pair<std::string, std::string>> engines;  // Name and version.
};
std::string FormatEngineReport(const EngineReport& report);
EngineReport ParseEngineReport(std::string_view text);

// The argument that asks for it.
constexpr std::string_view kEnginesArgument = "engines";

}  // namespace holdfast
