// SPDX-License-Identifier: Apache-2.0
#include "apps/local_server.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <vector>

#include "apps/config_file.h"
#include "apps/server_config.h"
#include "apps/settings.h"
#include "base/check.h"

namespace holdfast {
namespace {

constexpr std::string_view kPort = "http_port";
constexpr std::string_view kAddress = "bind_address";

void TakeVariable(const std::map<std::string, std::string>& environment, std::string_view variable,
                  std::string_view name, ServerConfig& config) {
  const auto found = environment.find(std::string(variable));
  if (found == environment.end() || found->second.empty()) return;
  const Setting* setting = FindSetting(name);
  CHECK(setting != nullptr);
  // A value that the server would refuse is no concern of a probe: nothing answers then.
  AssignText(*setting, found->second, config);
}

}  // namespace

Result<std::string> LocalHealthUrl(const std::map<std::string, std::string>& environment) {
  ServerConfig config;
  const auto file = environment.find("HOLDFAST_CONFIG");
  if (file != environment.end() && !file->second.empty()) {
    std::vector<ConfigProblem> ignored;
    ReadConfigFile(
        file->second,
        [&](const Setting& setting, std::string_view text,
            const std::string&) -> std::optional<std::string> {
          if (setting.name != kPort && setting.name != kAddress) return std::nullopt;
          return AssignText(setting, text, config);
        },
        ignored);
  }
  TakeVariable(environment, FindSetting(kPort)->variable_alias, kPort, config);
  TakeVariable(environment, VariableName(kPort), kPort, config);
  TakeVariable(environment, VariableName(kAddress), kAddress, config);
  if (config.http_port == 0) {
    return Error{Reason::kUsage,
                 "the server takes any free port; try --url http://127.0.0.1:PORT/healthz"};
  }
  std::string host = config.bind_address;
  if (host == "0.0.0.0" || host == "::") host = "127.0.0.1";
  if (host.find(':') != std::string::npos) host = fmt::format("[{}]", host);
  return fmt::format("http://{}:{}/healthz", host, config.http_port);
}

}  // namespace holdfast
