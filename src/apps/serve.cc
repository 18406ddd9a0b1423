// SPDX-License-Identifier: Apache-2.0
#include "apps/serve.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "apps/cache_folder.h"
#include "apps/credential_check.h"
#include "apps/failure.h"
#include "apps/fetch_models.h"
#include "apps/settings.h"
#include "lifecycle/roster.h"
#include "lifecycle/worker_count.h"
#include "model/config_list/model_config_list.h"
#include "model/model_folders.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "supervisor/supervisor.h"

namespace holdfast {
namespace {

Result<VersionPolicy> PolicyOf(const ServerConfig& config) {
  Result<VersionPolicy> policy = ParseVersionPolicy(config.model_version_policy);
  if (policy) return policy;
  return Error{policy.error().reason, "--model-version-policy: " + policy.error().message};
}

Result<ModelFolders> FoldersOf(const ServerConfig& config, const VersionPolicy& policy) {
  if (ModelsOnDemand(config.model_control)) return ModelFolders{};
  if (!config.model_config_file.empty()) {
    return ModelFolders{.repository = {},
                        .models = TRY(ReadModelConfigFile(config.model_config_file))};
  }
  if (config.model_base_path.empty()) {
    return ModelFolders{.repository = config.model_repository, .models = {}};
  }
  return ModelFolders{.repository = {},
                      .models = {{.name = config.model_name,
                                  .base_path = config.model_base_path,
                                  .rule = {.policy = policy, .labels = {}}}}};
}

// A limit below what the model files alone take would only be found by the kernel, again and again.
Status CheckMemory(const std::vector<Offer>& served) {
  const auto limit = Cgroup().MemoryLimit();
  if (!limit.has_value()) return {};
  std::uint64_t needed = kServerBytes;
  for (const Offer& offer : served) needed += offer.bytes;
  if (needed <= *limit) return {};
  return Error{Reason::kInsufficientResources,
               fmt::format("the memory limit is {} MiB, and server and models need {} MiB at the "
                           "very least; raise the limit",
                           *limit >> 20, (needed + MiB(1) - 1) >> 20)};
}

Result<std::string> ChooseDefault(const ServerConfig& config, const std::vector<Offer>& served) {
  if (ModelsOnDemand(config.model_control)) return config.default_model;
  if (config.default_model.empty()) return served.front().key.name;
  const bool known = std::any_of(served.begin(), served.end(), [&](const Offer& offer) {
    return offer.key.name == config.default_model;
  });
  if (!known) {
    return Error{Reason::kUsage, "--default-model: there is no model \"" + config.default_model +
                                     "\"; try " + served.front().key.name};
  }
  return config.default_model;
}

// What will be served if nothing is wrong with it, as the roster chooses it.
std::vector<Offer> Served(const SupervisorOptions& options) {
  Roster roster(options.version_policy);
  roster.Offered({.offers = options.offers, .rules = RulesOf(options.folders)});
  return roster.wanted();
}

Sandboxing ToSandboxing(SandboxMode mode) {
  switch (mode) {
    case SandboxMode::kOff:
      return Sandboxing::kOff;
    case SandboxMode::kOn:
      return Sandboxing::kOn;
    case SandboxMode::kRequired:
      return Sandboxing::kRequired;
  }
  return Sandboxing::kOn;
}

bool LogsAsText(LogStyle style) {
  return style == LogStyle::kText || (style == LogStyle::kAuto && ::isatty(STDERR_FILENO) == 1);
}

// Before anything is started: a server that cannot be reached shall not load a model first.
Result<PortCredentials> TakeCredentials(const PortCredentials& files) {
  PortCredentials contents = TRY(ReadPortCredentials(files));
  TRY_DO(CheckCredentials(contents));
  return contents;
}

GatewayOptions ToGatewayOptions(const ServerConfig& config) {
  return {.body_bytes_max = config.body_bytes_max,
          .queue_items_max = config.queue_items_max,
          .queue_bytes_max = config.queue_bytes_max,
          .connections_max = config.connections_max,
          .grpc_message_bytes_max = config.grpc_message_bytes_max,
          .idempotency_bytes_max = config.idempotency_bytes_max,
          .model_control = config.model_control,
          .multi_model_root = config.multi_model_root.lexically_normal(),
          .hang_floor = config.hang_floor_ms,
          .deadline_default = config.deadline_default_ms,
          .deadline_max = config.deadline_max_ms,
          .header_timeout = config.header_timeout_s,
          .idempotency_lifetime = config.idempotency_lifetime_s,
          .keep_alive = config.keep_alive_s,
          .lame_duck = config.lame_duck_s,
          .golden_interval = config.golden_interval_s,
          .poison_dir = config.poison_dir,
          .body_bytes_per_second_min = config.body_bytes_per_second_min,
          .service_name = config.service_name,
          .emf_interval = config.emf_interval_s,
          .trace_endpoint = config.trace_endpoint,
          .trace_percent = config.trace_percent,
          .access_log_percent = config.access_log_percent,
          .log_as_text = LogsAsText(config.log_format),
          .log_level = static_cast<std::uint64_t>(config.log_level)};
}

std::optional<RolloutRule> TrialOf(const ServerConfig& config) {
  if (config.canary_percent == 0) return std::nullopt;
  return RolloutRule{.percent = static_cast<double>(config.canary_percent),
                     .window = config.canary_window_s,
                     .requests_min = config.canary_requests_min,
                     .disagreement_max = config.canary_disagreement_percent / 100.0,
                     .promote = true};
}

}  // namespace

Result<SupervisorOptions> ToSupervisorOptions(const ServerConfig& config) {
  SupervisorOptions options;
  options.executables = TRY(ExecutableFolder());
  options.credential_files = {.certificate = config.tls_certificate.string(),
                              .key = config.tls_key.string(),
                              .client_ca = config.tls_client_ca.string(),
                              .api_keys = config.api_keys.string()};
  options.credentials = TRY(TakeCredentials(options.credential_files));
  options.version_policy = TRY(PolicyOf(config));
  options.trial = TrialOf(config);
  options.folders = TRY(FoldersOf(config, options.version_policy));
  options.model_config_file = config.model_config_file;
  options.repository_poll = config.repository_poll_s;
  options.offers = TRY(ReadOffers(options.folders));
  const std::vector<Offer> served = Served(options);
  if (served.empty() && !ModelsOnDemand(config.model_control)) {
    return Error{Reason::kNotFound, "no version of a model to serve; try holdfast inspect FOLDER"};
  }
  TRY_DO(CheckMemory(served));
  const WorkerCount workers = ChooseWorkerCount(
      {.affinity_cpus = AffinityCpus(), .quota_cpus = Cgroup().CpuQuota()}, config.workers);
  options.workers = workers.workers;
  options.workers_why = workers.why;
  options.bind_address = config.bind_address;
  options.http_port = config.http_port;
  options.grpc_port = config.grpc_port;
  options.admin_address = config.admin_address;
  options.admin_port = config.admin_port;
  options.port_file = config.port_file;
  options.sandbox = ToSandboxing(config.sandbox);
  options.image_pixels_max = config.image_pixels_max;
  if (config.graph_cache == GraphCacheMode::kOn) {
    const Result<std::filesystem::path> graphs = GraphCacheFolder(config);
    if (graphs) {
      options.graph_cache = *graphs;
    } else {
      options.no_graph_cache = graphs.error().message;
    }
  }
  if (config.worker_uid.has_value()) options.worker_uid = *config.worker_uid;
  options.arena_bytes = config.body_bytes_max;
  options.workers_by_host = config.workers == 0;
  options.worker_growth_max = config.worker_growth_max;
  options.drain_timeout = config.drain_timeout_s;
  options.fleet.waits_for_servables = ModelsOnDemand(config.model_control);
  options.fleet.restart.failures_max = config.restarts_max;
  options.fleet.restart.window = config.restart_window_s;
  options.gateway = ToGatewayOptions(config);
  if (options.workers_by_host) options.gateway.running_items_max = options.workers;
  options.gateway.default_model = TRY(ChooseDefault(config, served));
  options.log = {.format = LogsAsText(config.log_format) ? LogFormat::kText : LogFormat::kJson,
                 .level = config.log_level,
                 .role = "supervisor"};
  return options;
}

Models BringModels(ServerConfig& config) {
  Result<MirrorOptions> mirror = PlanMirror(config);
  if (!mirror) return {.exit_code = Fail(mirror.error())};
  if (mirror->source.empty()) return {};
  const Result<Fetched> fetched = FetchModels(*mirror);
  if (!fetched) return {.exit_code = Fail(fetched.error())};
  if (fetched->stopped) return {.exit_code = 0};
  if (fetched->exit_code != 0) return {.exit_code = fetched->exit_code};
  return {.mirror = *std::move(mirror)};
}

int RunSupervisor(const ResolvedConfig& resolved, const MirrorOptions& mirror) {
  Result<SupervisorOptions> options = ToSupervisorOptions(resolved.config);
  if (!options) return Fail(options.error());
  options->mirror = mirror;
  ServerConfig found = resolved.config;
  found.platform = resolved.platform;
  options->platform = FormatValue(*FindSetting("platform"), found);
  Result<std::unique_ptr<Supervisor>> supervisor = Supervisor::Open(std::move(*options));
  if (!supervisor) return Fail(supervisor.error());
  return (*supervisor)->Run();
}

}  // namespace holdfast
