// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "apps/config_file.h"

// A server's configuration file: what is wrong is said with its line, and a setting that is
// accepted keeps its value when it is told as a flag.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  // toml++ 3.3 ends in its own __builtin_unreachable there; see model_toml_fuzz.cc.
  if (std::any_of(bytes, bytes + size, [](std::uint8_t byte) { return byte >= 0x80; })) return 0;
  std::vector<ConfigProblem> problems;
  const auto take = [](const Setting& setting, std::string_view value, const std::string& where) {
    if (!where.starts_with("server.toml:")) std::abort();
    ServerConfig config;
    auto wrong = AssignText(setting, value, config);
    if (wrong) {
      if (wrong->empty()) std::abort();
      return wrong;
    }
    ServerConfig again;
    if (AssignText(setting, FormatValue(setting, config), again) || again != config) std::abort();
    return wrong;
  };
  ParseConfigText(text, "server.toml", take, problems);
  for (const ConfigProblem& problem : problems) {
    if (!problem.where.starts_with("server.toml:") || problem.what.empty()) std::abort();
    if (problem.exit_code == 0) std::abort();
  }
  return 0;
}
