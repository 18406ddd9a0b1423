// SPDX-License-Identifier: Apache-2.0
#include "apps/serve.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "apps/failure.h"
#include "apps/settings.h"
#include "lifecycle/worker_count.h"
#include "model/repository.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "supervisor/supervisor.h"

namespace holdfast {
namespace {

// The newest version of each model that is to be served.
Result<std::vector<ServedModel>> FindModels(const ServerConfig& config) {
  const Catalog catalog =
      TRY(config.model_base_path.empty() ? ReadRepository(config.model_repository)
                                         : ReadModel(config.model_name, config.model_base_path));
  std::vector<ServedModel> models;
  for (const auto& [name, versions] : catalog.models) {
    const bool wanted = config.model_name.empty() || config.model_name == name;
    if (wanted && !versions.empty()) {
      models.push_back({.key = versions.back().key, .folder = versions.back().folder});
    }
  }
  if (models.empty()) {
    return Error{Reason::kNotFound, "no version of a model to serve; try holdfast inspect FOLDER"};
  }
  return models;
}

// As many as asked for each model; without a wish, those of the host are shared out, and each model
// has one at least.
WorkerCount ShareWorkers(const ServerConfig& config, std::vector<ServedModel>& models) {
  const Cgroup cgroup;
  const WorkerCount count = ChooseWorkerCount(
      {.affinity_cpus = AffinityCpus(), .quota_cpus = cgroup.CpuQuota()}, config.workers);
  const auto shares = static_cast<std::uint32_t>(config.workers > 0 ? 1 : models.size());
  for (std::uint32_t i = 0; i < models.size(); ++i) {
    const std::uint32_t rest = i < count.workers % shares ? 1 : 0;
    models[i].workers = std::max(1u, count.workers / shares + rest);
  }
  return count;
}

// A limit below what the model files alone take would only be found by the kernel, again and again.
Status CheckMemory(const std::vector<ServedModel>& models) {
  const auto limit = Cgroup().MemoryLimit();
  if (!limit.has_value()) return {};
  std::uint64_t needed = kServerBytes;
  for (const ServedModel& model : models) {
    std::error_code error;
    for (std::filesystem::directory_iterator file(model.folder, error), end; !error && file != end;
         file.increment(error)) {
      const std::uintmax_t bytes = file->is_regular_file(error) ? file->file_size(error) : 0;
      if (!error) needed += bytes;
    }
  }
  if (needed <= *limit) return {};
  return Error{Reason::kInsufficientResources,
               fmt::format("the memory limit is {} MiB, and server and models need {} MiB at the "
                           "very least; raise the limit",
                           *limit >> 20, (needed + MiB(1) - 1) >> 20)};
}

Result<std::string> ChooseDefault(const ServerConfig& config,
                                  const std::vector<ServedModel>& models) {
  if (config.default_model.empty()) return models.front().key.name;
  const bool known = std::any_of(models.begin(), models.end(), [&](const ServedModel& model) {
    return model.key.name == config.default_model;
  });
  if (!known) {
    return Error{Reason::kUsage, "--default-model: there is no model \"" + config.default_model +
                                     "\"; try " + models.front().key.name};
  }
  return config.default_model;
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

GatewayOptions ToGatewayOptions(const ServerConfig& config) {
  return {.body_bytes_max = config.body_bytes_max,
          .queue_items_max = config.queue_items_max,
          .queue_bytes_max = config.queue_bytes_max,
          .connections_max = config.connections_max,
          .hang_floor = config.hang_floor_ms,
          .deadline_default = config.deadline_default_ms,
          .deadline_max = config.deadline_max_ms,
          .header_timeout = config.header_timeout_s,
          .keep_alive = config.keep_alive_s,
          .lame_duck = config.lame_duck_s,
          .canary_interval = config.canary_interval_s,
          .poison_dir = config.poison_dir,
          .body_bytes_per_second_min = config.body_bytes_per_second_min,
          .log_as_text = LogsAsText(config.log_format),
          .log_level = static_cast<std::uint64_t>(config.log_level)};
}

Result<SupervisorOptions> ToSupervisorOptions(const ServerConfig& config) {
  SupervisorOptions options;
  options.executables = TRY(ExecutableFolder());
  options.models = TRY(FindModels(config));
  TRY_DO(CheckMemory(options.models));
  options.workers_why = ShareWorkers(config, options.models).why;
  options.bind_address = config.bind_address;
  options.http_port = config.http_port;
  options.grpc_port = config.grpc_port;
  options.admin_address = config.admin_address;
  options.admin_port = config.admin_port;
  options.port_file = config.port_file;
  options.sandbox = ToSandboxing(config.sandbox);
  options.image_pixels_max = config.image_pixels_max;
  if (config.worker_uid.has_value()) options.worker_uid = *config.worker_uid;
  options.arena_bytes = config.body_bytes_max;
  options.workers_by_host = config.workers == 0;
  options.worker_growth_max = config.worker_growth_max;
  options.drain_timeout = config.drain_timeout_s;
  options.fleet.restart.failures_max = config.restarts_max;
  options.fleet.restart.window = config.restart_window_s;
  options.gateway = ToGatewayOptions(config);
  options.gateway.default_model = TRY(ChooseDefault(config, options.models));
  options.log = {.format = LogsAsText(config.log_format) ? LogFormat::kText : LogFormat::kJson,
                 .level = config.log_level,
                 .role = "supervisor"};
  return options;
}

}  // namespace

int RunSupervisor(const ResolvedConfig& resolved) {
  Result<SupervisorOptions> options = ToSupervisorOptions(resolved.config);
  if (!options) return Fail(options.error());
  ServerConfig found = resolved.config;
  found.platform = resolved.platform;
  options->platform = FormatValue(*FindSetting("platform"), found);
  Result<std::unique_ptr<Supervisor>> supervisor = Supervisor::Open(std::move(*options));
  if (!supervisor) return Fail(supervisor.error());
  return (*supervisor)->Run();
}

}  // namespace holdfast
