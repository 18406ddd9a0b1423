// SPDX-License-Identifier: Apache-2.0
#include "apps/resolve_config.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "apps/config_file.h"
#include "apps/sagemaker_variables.h"
#include "apps/settings.h"
#include "base/http_url.h"
#include "base/nearest_name.h"
#include "base/reason.h"
#include "ipc/mirror_options.h"

namespace holdfast {
namespace {

constexpr std::string_view kPrefix = "HOLDFAST_";
constexpr std::chrono::seconds kRemotePoll{30};
constexpr std::string_view kConfigVariable = "HOLDFAST_CONFIG";

// Flags of TensorFlow Serving that people's start scripts bring along.
struct ForeignFlag {
  std::string_view name;
  bool accepted;
  std::string_view text;
};
constexpr std::array kForeignFlags{
    ForeignFlag{"enable-batching", true,
                "--enable_batching has no effect: on CPUs batches give no throughput, and an image "
                "that waits for others only answers later"},
    ForeignFlag{"model-config-file-poll-wait-seconds", true,
                "--model_config_file_poll_wait_seconds has no effect: the file is looked at with "
                "the model folders, every --repository-poll-s"},
    ForeignFlag{"allow-version-labels-for-unavailable-models", true,
                "--allow_version_labels_for_unavailable_models has no effect: a label moves once "
                "its version can answer"},
};

int UsageCode() { return Describe(Reason::kUsage).exit_code; }

// Kubernetes describes each service of a namespace in variables. A service named "holdfast" or
// "holdfast-http" must not keep the server from starting.
bool IsServiceLink(std::string_view name, std::string_view value) {
  if (name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != std::string_view::npos) {
    return true;
  }
  for (const std::string_view protocol : {"TCP", "UDP", "SCTP"}) {
    const std::size_t at = name.find(fmt::format("_{}", protocol));
    if (at != std::string_view::npos && name.substr(0, at).find("_PORT_") != name.npos) return true;
  }
  return value.starts_with("tcp://") || value.starts_with("udp://") || value.starts_with("sctp://");
}

// "--htp_port=80" → "htp-port"; nothing when it is no flag.
std::optional<std::string> FlagOf(std::string_view argument) {
  if (!argument.starts_with("-") || argument.size() < 2) return std::nullopt;
  argument.remove_prefix(argument.starts_with("--") ? 2 : 1);
  return FlagName(argument.substr(0, argument.find('=')));
}

std::vector<std::string> KnownFlags() {
  std::vector<std::string> flags{"config", "help"};
  for (const Setting& setting : Settings()) {
    flags.push_back(FlagName(setting.name));
    if (!setting.flag_alias.empty()) flags.push_back(FlagName(setting.flag_alias));
  }
  return flags;
}

class Resolver {
 public:
  explicit Resolver(const ConfigSources& sources) : sources_(sources) {}

  tl::expected<ResolvedConfig, std::vector<ConfigProblem>> Run() && {
    TakeFile();
    TakeVariables();
    TakeFlags();
    TakeExtras();
    ApplyPlatform();
    if (problems_.empty()) CheckTogether();
    if (!problems_.empty()) return tl::unexpected(std::move(problems_));
    return std::move(resolved_);
  }

 private:
  void Refuse(std::string where, std::string what) {
    problems_.push_back({std::move(where), std::move(what), UsageCode()});
  }

  std::optional<std::string> Assign(const Setting& setting, std::string_view text,
                                    const std::string& where) {
    auto wrong = AssignText(setting, text, resolved_.config);
    if (!wrong) resolved_.origins[std::string(setting.name)] = where;
    return wrong;
  }

  void TakeFile() {
    std::filesystem::path file = sources_.config_file;
    if (file.empty()) {
      const auto variable = sources_.environment.find(std::string(kConfigVariable));
      if (variable != sources_.environment.end()) file = variable->second;
    }
    if (file.empty()) return;
    ReadConfigFile(
        file,
        [this](const Setting& setting, std::string_view text, const std::string& where) {
          return Assign(setting, text, where);
        },
        problems_);
  }

  void TakeVariable(const Setting& setting, const std::string& variable) {
    const auto found = sources_.environment.find(variable);
    // An empty variable counts as none: that is what `X: ${X:-}` in a compose file makes.
    if (found == sources_.environment.end() || found->second.empty()) return;
    if (IsServiceLink(variable, found->second)) return;
    if (auto wrong = Assign(setting, found->second, variable)) Refuse(variable, *wrong);
  }

  // A platform's variables give way to our own.
  void TakeSageMaker() {
    SageMakerVariables read = ReadSageMakerVariables(sources_.environment);
    for (const auto& [variable, name, text] : read.values) {
      if (auto wrong = Assign(*FindSetting(name), text, variable)) Refuse(variable, *wrong);
    }
    for (auto& [variable, what] : read.problems) Refuse(std::move(variable), std::move(what));
    for (std::string& note : read.notes) resolved_.notes.push_back(std::move(note));
  }

  void TakeVariables() {
    TakeSageMaker();
    std::vector<std::string> known{std::string(kConfigVariable)};
    for (const Setting& setting : Settings()) {
      if (!setting.variable_alias.empty())
        TakeVariable(setting, std::string(setting.variable_alias));
      known.push_back(VariableName(setting.name));
      TakeVariable(setting, known.back());
    }
    for (const auto& [name, value] : sources_.environment) {
      if (!name.starts_with(kPrefix) || IsServiceLink(name, value)) continue;
      if (std::ranges::find(known, name) != known.end()) continue;
      const std::string nearest = NearestName(name, known);
      Refuse(name, nearest.empty() ? "no such variable; see 'holdfast serve --help'"
                                   : fmt::format("no such variable; try {}", nearest));
    }
  }

  void TakeFlags() {
    for (const GivenFlag& flag : sources_.flags) {
      const auto named = [&](const Setting& setting) {
        return FlagName(setting.name) == flag.name ||
               (!setting.flag_alias.empty() && FlagName(setting.flag_alias) == flag.name);
      };
      const auto setting = std::ranges::find_if(Settings(), named);
      const std::string where = "--" + flag.name;
      if (setting == Settings().end()) {
        Refuse(where, "no such flag");
      } else if (auto wrong = Assign(*setting, flag.value, where)) {
        Refuse(where, *wrong);
      }
    }
  }

  void TakeExtras() {
    bool value_of_unknown = false;
    for (const std::string& argument : sources_.extras) {
      const std::optional<std::string> flag = FlagOf(argument);
      if (!flag) {
        if (!value_of_unknown) Refuse(argument, "not expected here; settings begin with --");
        value_of_unknown = false;
        continue;
      }
      value_of_unknown = argument.find('=') == std::string::npos;
      TakeUnknownFlag(*flag);
    }
  }

  void TakeUnknownFlag(const std::string& flag) {
    const auto foreign = std::ranges::find(kForeignFlags, flag, &ForeignFlag::name);
    if (foreign == kForeignFlags.end()) {
      const std::string nearest = NearestName(flag, KnownFlags());
      Refuse("--" + flag, nearest.empty() ? "no such flag; see 'holdfast serve --help'"
                                          : fmt::format("no such flag; try --{}", nearest));
    } else if (foreign->accepted) {
      resolved_.notes.emplace_back(foreign->text);
    } else {
      Refuse("--" + flag, std::string(foreign->text));
    }
  }

  bool Has(const char* variable) const {
    const auto found = sources_.environment.find(variable);
    return found != sources_.environment.end() && !found->second.empty();
  }

  // The variables that these platforms set in every container of theirs.
  Platform FindPlatform() const {
    const bool sagemaker = std::ranges::any_of(sources_.environment, [](const auto& variable) {
      return variable.first.starts_with("SAGEMAKER_");
    });
    if (sagemaker) return Platform::kSageMaker;
    if (Has("ECS_CONTAINER_METADATA_URI_V4")) return Platform::kEcs;
    if (Has("KUBERNETES_SERVICE_HOST")) return Platform::kKubernetes;
    return Platform::kNone;
  }

  // Below the platform's own time to stop, and as long as its load balancer takes to notice.
  void ApplyPlatform() {
    using std::chrono::seconds;
    struct Budget {
      Platform platform;
      seconds drain;
      seconds lame_duck;
    };
    constexpr std::array kBudgets{Budget{Platform::kSageMaker, seconds(25), seconds(0)},
                                  Budget{Platform::kEcs, seconds(110), seconds(5)},
                                  Budget{Platform::kBeanstalk, seconds(8), seconds(2)},
                                  Budget{Platform::kEc2, seconds(110), seconds(5)},
                                  Budget{Platform::kKubernetes, seconds(75), seconds(5)}};
    ServerConfig& config = resolved_.config;
    const bool given = config.platform != Platform::kAuto;
    resolved_.platform = given ? config.platform : FindPlatform();
    const auto budget = std::ranges::find(kBudgets, resolved_.platform, &Budget::platform);
    if (budget == kBudgets.end()) return;
    if (!resolved_.origins.contains("drain_timeout_s")) config.drain_timeout_s = budget->drain;
    if (!resolved_.origins.contains("lame_duck_s")) config.lame_duck_s = budget->lame_duck;
  }

  // Where the setting's value is from, for a problem that two settings make together.
  std::string Origin(std::string_view setting) const {
    const auto found = resolved_.origins.find(std::string(setting));
    return found == resolved_.origins.end() ? "--" + FlagName(setting) : found->second;
  }

  void CheckTogether() {
    ServerConfig& config = resolved_.config;
    const bool by_clients = ModelsOnDemand(config.model_control);
    if (config.model_base_path.empty() && !config.model_name.empty() && !by_clients) {
      Refuse(Origin("model_name"),
             "names one model, but not its folder; give --model-base-path as well");
    }
    if (by_clients) {
      DropSources();
    } else {
      CheckOneSource();
    }
    if (!config.model_base_path.empty() && config.model_name.empty()) {
      config.model_name = "default";
    }
    // Each look at a bucket costs something.
    const bool remote =
        IsRemote(config.model_repository.native()) || IsRemote(config.model_base_path.native());
    if (remote && !resolved_.origins.contains("repository_poll_s")) {
      config.repository_poll_s = kRemotePoll;
    }
    CheckGivenWith("tls_certificate", config.tls_certificate, "tls_key", config.tls_key);
    CheckGivenWith("tls_key", config.tls_key, "tls_certificate", config.tls_certificate);
    CheckGivenWith("tls_client_ca", config.tls_client_ca, "tls_certificate",
                   config.tls_certificate);
    CheckPortsDiffer(config.http_port, config.grpc_port, "http_port", "the gRPC port");
    CheckPortsDiffer(config.admin_port, config.http_port, "admin_port", "the HTTP port");
    CheckPortsDiffer(config.admin_port, config.grpc_port, "admin_port", "the gRPC port");
    if (config.deadline_default_ms > config.deadline_max_ms) {
      Refuse(Origin("deadline_default_ms"),
             fmt::format("{} ms is above --deadline-max-ms, {} ms; lower it or raise the other",
                         config.deadline_default_ms.count(), config.deadline_max_ms.count()));
    }
    if (config.body_bytes_max > config.queue_bytes_max) {
      Refuse(Origin("body_bytes_max"),
             "is above --queue-bytes-max, so that no such body could ever be held; lower it or "
             "raise the other");
    }
    CheckAddress(config.bind_address, "bind_address", "0.0.0.0, :: or 127.0.0.1");
    CheckAddress(config.admin_address, "admin_address", "127.0.0.1");
    if (!config.trace_endpoint.empty()) {
      if (const auto url = ParseHttpUrl(config.trace_endpoint); !url) {
        Refuse(Origin("trace_endpoint"), url.error().message);
      }
    }
  }

  struct Source {
    std::string_view setting;
    std::filesystem::path& path;
  };
  std::array<Source, 3> Sources() {
    ServerConfig& config = resolved_.config;
    return {Source{"model_base_path", config.model_base_path},
            Source{"model_config_file", config.model_config_file},
            Source{"model_repository", config.model_repository}};
  }

  // The image for SageMaker names a repository; with several models a container there has none.
  void DropSources() {
    for (const auto& [setting, path] : Sources()) {
      if (path.empty()) continue;
      resolved_.notes.push_back(fmt::format(
          "{} has no effect: with --model-control=sagemaker models come by POST /models",
          Origin(setting)));
      path.clear();
    }
    resolved_.config.model_name.clear();
  }

  void CheckOneSource() {
    std::vector<std::string> given;
    for (const auto& [setting, path] : Sources()) {
      if (!path.empty()) given.push_back(Origin(setting));
    }
    for (std::size_t i = 1; i < given.size(); ++i) {
      Refuse(given[0], fmt::format("cannot be combined with {}; give one of the two", given[i]));
    }
  }

  void CheckGivenWith(std::string_view setting, const std::filesystem::path& value,
                      std::string_view other, const std::filesystem::path& needed) {
    if (value.empty() || !needed.empty()) return;
    Refuse(Origin(setting), fmt::format("has no effect alone; give --{} as well", FlagName(other)));
  }

  void CheckPortsDiffer(std::uint16_t port, std::uint16_t other, std::string_view setting,
                        std::string_view other_name) {
    if (port != other || port == 0) return;
    Refuse(Origin(setting),
           fmt::format("{} is {} as well; give another one, or 0", port, other_name));
  }

  void CheckAddress(const std::string& text, std::string_view setting, std::string_view example) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    if (inet_pton(AF_INET, text.c_str(), address.data()) == 1) return;
    if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return;
    Refuse(Origin(setting),
           fmt::format("\"{}\" is no IP address; try {}", text.substr(0, 64), example));
  }

  const ConfigSources& sources_;
  ResolvedConfig resolved_;
  std::vector<ConfigProblem> problems_;
};

}  // namespace

tl::expected<ResolvedConfig, std::vector<ConfigProblem>> ResolveConfig(
    const ConfigSources& sources) {
  return Resolver(sources).Run();
}

std::vector<std::string> FormatAsFlags(const ServerConfig& config) {
  const ServerConfig defaults;
  std::vector<std::string> flags;
  for (const Setting& setting : Settings()) {
    const std::string value = FormatValue(setting, config);
    if (value != FormatValue(setting, defaults)) {
      flags.push_back(fmt::format("--{}={}", FlagName(setting.name), value));
    }
  }
  return flags;
}

std::map<std::string, std::string> ReadEnvironment() {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return environment;
}

}  // namespace holdfast
