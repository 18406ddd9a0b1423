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

// The two settings that say where something listens.
struct Place {
  std::string_view address;
  std::string_view port;
  std::string_view certificate = {};  // The setting that has TLS spoken there.
};
constexpr Place kPublic{"bind_address", "http_port", "tls_certificate"};
constexpr Place kAdmin{"admin_address", "admin_port"};

void TakeVariable(const std::map<std::string, std::string>& environment, std::string_view variable,
                  std::string_view name, ServerConfig& config) {
  const auto found = environment.find(std::string(variable));
  if (found == environment.end() || found->second.empty()) return;
  const Setting* setting = FindSetting(name);
  CHECK(setting != nullptr);
  // A value that the server would refuse is no concern of a probe: nothing answers then.
  AssignText(*setting, found->second, config);
}

ServerConfig ReadPlace(const std::map<std::string, std::string>& environment, const Place& place) {
  ServerConfig config;
  const auto file = environment.find("HOLDFAST_CONFIG");
  if (file != environment.end() && !file->second.empty()) {
    std::vector<ConfigProblem> ignored;
    ReadConfigFile(
        file->second,
        [&](const Setting& setting, std::string_view text,
            const std::string&) -> std::optional<std::string> {
          if (setting.name != place.port && setting.name != place.address &&
              setting.name != place.certificate) {
            return std::nullopt;
          }
          return AssignText(setting, text, config);
        },
        ignored);
  }
  TakeVariable(environment, FindSetting(place.port)->variable_alias, place.port, config);
  TakeVariable(environment, VariableName(place.port), place.port, config);
  TakeVariable(environment, VariableName(place.address), place.address, config);
  if (!place.certificate.empty()) {
    TakeVariable(environment, VariableName(place.certificate), place.certificate, config);
  }
  return config;
}

std::string FormatUrl(std::string host, std::uint16_t port) {
  if (host == "0.0.0.0" || host == "::") host = "127.0.0.1";
  if (host.find(':') != std::string::npos) host = fmt::format("[{}]", host);
  return fmt::format("http://{}:{}", host, port);
}

}  // namespace

Result<std::string> LocalHealthUrl(const std::map<std::string, std::string>& environment) {
  const ServerConfig config = ReadPlace(environment, kPublic);
  // Whom to trust and which certificate to show, a probe on this machine cannot know; the admin
  // address answers the same, and is plain.
  if (!config.tls_certificate.empty()) return TRY(LocalAdminUrl(environment)) + "/healthz";
  if (config.http_port == 0) {
    return Error{Reason::kUsage,
                 "the server takes any free port; try --url http://127.0.0.1:PORT/healthz"};
  }
  return FormatUrl(config.bind_address, config.http_port) + "/healthz";
}

Result<std::string> LocalAdminUrl(const std::map<std::string, std::string>& environment) {
  const ServerConfig config = ReadPlace(environment, kAdmin);
  if (config.admin_port == 0) {
    return Error{Reason::kUsage,
                 "the server takes any free port; try --server http://127.0.0.1:PORT"};
  }
  return FormatUrl(config.admin_address, config.admin_port);
}

}  // namespace holdfast
