// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ipc/gateway_options.h"
#include "ipc/mirror_options.h"
#include "ipc/port_credentials.h"
#include "ipc/zygote_options.h"
#include "lifecycle/fleet.h"
#include "model/model_folders.h"
#include "model/rollout_rule.h"
#include "model/version_policy.h"
#include "telemetry/log.h"

namespace holdfast {

// What the supervisor is to run, resolved from configuration, repository and host.
struct SupervisorOptions {
  std::filesystem::path executables;  // The folder with holdfast-gateway and holdfast-worker.
  ModelFolders folders;
  std::filesystem::path model_config_file;  // That lists the models of `folders`, if one does.
  MirrorOptions mirror;                     // Where the folders' content comes from.
  std::vector<Offer> offers;                // What the folders hold at the start.
  VersionPolicy version_policy;
  std::optional<RolloutRule> trial;  // How new versions are tried; nothing: they take over.
  std::chrono::milliseconds repository_poll{2000};  // 0: only SIGHUP and orders make it look.
  std::uint32_t workers = 1;  // For each model as asked; else for all of them together.
  std::string workers_why;    // Why that many, for the plan.
  std::string bind_address = "0.0.0.0";
  std::uint16_t http_port = 8080;
  std::uint16_t grpc_port = 8500;
  std::string admin_address = "127.0.0.1";
  std::uint16_t admin_port = 8081;
  PortCredentials credential_files;
  PortCredentials credentials;      // What the files hold at the start; checked.
  std::filesystem::path port_file;  // Empty: none is written.
  Sandboxing sandbox = Sandboxing::kOn;
  std::uint64_t image_pixels_max = 0;
  std::filesystem::path graph_cache;  // Empty: none is kept.
  std::string no_graph_cache;         // Why not, where somebody should know.
  std::uint64_t worker_uid = kSameUser;
  std::size_t arena_bytes = 0;          // The largest item.
  bool workers_by_host = false;         // Nobody asked for a number: memory may bound it.
  std::uint64_t worker_growth_max = 0;  // Bytes that a worker may gain before it is replaced.
  std::chrono::milliseconds drain_timeout{25'000};
  std::string platform = "none";  // As --platform has it, for the plan.
  Fleet::Options fleet;
  GatewayOptions gateway;
  Log::Options log;
};

}  // namespace holdfast
