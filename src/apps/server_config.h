// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "image/limits.h"
#include "ipc/gateway_options.h"
#include "telemetry/log.h"

namespace holdfast {

enum class LogStyle { kAuto, kJson, kText };  // kAuto: text on a terminal, JSON elsewhere.
// kOn: whatever of seccomp and uid change the kernel grants. kRequired: all or no start.
enum class SandboxMode { kOn, kOff, kRequired };

// Where the server runs, which decides how long it may take to stop. kAuto: found out.
enum class Platform { kAuto, kNone, kSageMaker, kEcs, kBeanstalk, kEc2, kKubernetes };

// Whether the optimised graphs of models are kept from one start to the next.
enum class GraphCacheMode { kOn, kOff };

// Every setting of `holdfast serve`. The values here are the defaults; settings.h has one line for
// each, which gives its names, its bounds and its meaning.
struct ServerConfig {
  std::filesystem::path model_repository;
  std::string model_name;
  std::filesystem::path model_base_path;
  std::filesystem::path model_config_file;
  std::string default_model;
  std::string model_version_policy = "latest:1";
  std::chrono::seconds repository_poll_s{2};
  std::filesystem::path model_cache;  // Of models from S3 and of graphs; empty: found out.
  GraphCacheMode graph_cache = GraphCacheMode::kOn;
  ModelControl model_control = ModelControl::kAdmin;
  std::filesystem::path multi_model_root = "/opt/ml/models";
  std::uint32_t canary_percent = 0;  // 0: new versions take over as soon as they can answer.
  std::chrono::seconds canary_window_s{300};
  std::uint32_t canary_requests_min = 100;
  std::uint32_t canary_disagreement_percent = 20;

  std::string bind_address = "0.0.0.0";
  std::uint16_t http_port = 8080;  // 0: any free one.
  std::uint16_t grpc_port = 8500;
  std::string admin_address = "127.0.0.1";
  std::uint16_t admin_port = 8081;
  std::filesystem::path port_file;

  std::filesystem::path tls_certificate;  // Empty: no TLS.
  std::filesystem::path tls_key;
  std::filesystem::path tls_client_ca;
  std::filesystem::path api_keys;

  std::uint32_t workers = 0;  // 0: as many as the cores and the memory allow.
  SandboxMode sandbox = SandboxMode::kOn;
  std::optional<std::uint32_t> worker_uid;
  std::chrono::milliseconds hang_floor_ms{5000};
  std::size_t worker_growth_max = MiB(512);
  std::chrono::seconds golden_interval_s{300};
  std::filesystem::path poison_dir;
  std::uint32_t restarts_max = 5;
  std::chrono::seconds restart_window_s{60};

  std::size_t body_bytes_max = MiB(16);
  std::uint64_t image_pixels_max = ImageLimits{}.pixels_max;
  std::uint32_t queue_items_max = 256;
  std::size_t queue_bytes_max = MiB(256);
  std::uint32_t connections_max = 1024;
  std::uint32_t grpc_message_bytes_max = 64 << 20;
  std::size_t idempotency_bytes_max = MiB(16);

  std::chrono::milliseconds deadline_default_ms{10'000};
  std::chrono::milliseconds deadline_max_ms{55'000};  // Below the 60 s at which balancers give up.
  std::chrono::seconds header_timeout_s{10};
  std::uint32_t body_bytes_per_second_min = 16'384;
  std::chrono::seconds idempotency_lifetime_s{600};
  std::chrono::seconds keep_alive_s{75};
  Platform platform = Platform::kAuto;
  std::chrono::seconds drain_timeout_s{25};
  std::chrono::seconds lame_duck_s{0};

  LogStyle log_format = LogStyle::kAuto;
  LogLevel log_level = LogLevel::kInfo;
  std::uint32_t access_log_percent = 0;
  std::string service_name = "holdfast";
  std::chrono::seconds emf_interval_s{0};  // 0: no lines of metrics.
  std::string trace_endpoint;              // Empty: no traces.
  std::uint32_t trace_percent = 10;

  bool operator==(const ServerConfig&) const = default;
};

}  // namespace holdfast
