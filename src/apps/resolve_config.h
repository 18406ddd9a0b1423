// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "apps/server_config.h"

namespace holdfast {

// A flag as the command line has it: "http-port" and "8080".
struct GivenFlag {
  std::string name;
  std::string value;
};

// Where settings come from. Flags win over variables, these over the file, this over the defaults.
struct ConfigSources {
  std::vector<GivenFlag> flags;     // Known ones, in order; of several the last one counts.
  std::vector<std::string> extras;  // Arguments that are no known flag.
  std::map<std::string, std::string> environment;  // All of it; HOLDFAST_* is looked at.
  std::filesystem::path config_file;               // From --config; HOLDFAST_CONFIG if empty.
};

// One thing that is wrong with the configuration, and where.
struct ConfigProblem {
  std::string where;  // "--http-port", "HOLDFAST_HTTP_PORT", "server.toml:3".
  std::string what;   // Ends with what to do: "no such flag; try --http-port".
  int exit_code;      // sysexits.h: 64 usage, 66 no such file, 78 bad file.
};

struct ResolvedConfig {
  ServerConfig config;
  Platform platform = Platform::kNone;         // As given or found out; never kAuto.
  std::map<std::string, std::string> origins;  // Setting → where its value is from, if not default.
  std::vector<std::string> notes;              // Accepted, but without the effect one may expect.
};

// All problems at once, never only the first. Reads the configuration file, and nothing else.
tl::expected<ResolvedConfig, std::vector<ConfigProblem>> ResolveConfig(
    const ConfigSources& sources);

// The flags that give `config` where nothing else is set: how the supervisor tells the gateway.
std::vector<std::string> FormatAsFlags(const ServerConfig& config);

// This process's environment.
std::map<std::string, std::string> ReadEnvironment();

}  // namespace holdfast
