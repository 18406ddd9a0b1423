// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "ipc/role_arguments.h"

namespace holdfast {

// Where clients may load and unload models: by Triton's calls on the operator's port, or on all
// ports, or by SageMaker's calls for multi-model endpoints on the HTTP port.
enum class ModelControl : std::uint64_t { kAdmin, kPublic, kSageMaker };
// Whether clients add models when they want them: a server without one is as it should be.
constexpr bool ModelsOnDemand(ModelControl control) { return control == ModelControl::kSageMaker; }

// What the supervisor tells a gateway. Descriptors there: 3 the control channel, 4 the HTTP
// listener, 5 the gRPC listener, 6 the admin listener, 7 where log lines go, 8 where metrics' lines
// go.
struct GatewayOptions {
  std::uint64_t build = 0;  // BuildDigest() of the supervisor's build.
  std::string default_model;
  std::uint64_t successor = 0;  // 1: it replaces a gateway that served.

  std::size_t body_bytes_max = MiB(16);
  std::size_t queue_items_max = 256;
  std::size_t running_items_max = 0;  // Over all models; 0: as many as there are workers.
  std::size_t queue_bytes_max = MiB(256);
  std::size_t connections_max = 1024;
  std::size_t grpc_message_bytes_max = MiB(64);
  std::size_t idempotency_bytes_max = MiB(16);  // 0: the header means nothing.
  ModelControl model_control = ModelControl::kAdmin;
  std::string multi_model_root;  // With kSageMaker: models lie below it.
  bool credentials = false;      // It takes no connection before kCredentials has come.
  std::chrono::milliseconds hang_floor{5000};

  std::chrono::milliseconds deadline_default{10'000};
  std::chrono::milliseconds deadline_max{55'000};
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds idempotency_lifetime{600'000};
  std::chrono::milliseconds keep_alive{75'000};
  std::chrono::milliseconds lame_duck{0};
  std::chrono::milliseconds golden_interval{300'000};  // 0: no golden probes.
  std::string poison_dir;  // Where images that killed two workers are kept; empty: nowhere.
  std::uint64_t body_bytes_per_second_min = 16'384;

  std::string service_name;                   // What metrics and traces call this server.
  std::chrono::milliseconds emf_interval{0};  // Between lines of metrics; 0: none.
  std::string trace_endpoint;                 // A collector's URL; empty: no traces.
  std::uint64_t trace_percent = 10;
  std::uint64_t access_log_percent = 0;
  bool log_as_text = false;
  std::uint64_t log_level = 1;  // LogLevel's number.
};
RoleArguments ToArguments(const GatewayOptions& options);
Result<GatewayOptions> GatewayOptionsFrom(const RoleArguments& arguments);

constexpr int kGatewayControlFd = 3;
constexpr int kGatewayHttpFd = 4;
constexpr int kGatewayGrpcFd = 5;
constexpr int kGatewayAdminFd = 6;
constexpr int kGatewayLogFd = 7;
constexpr int kGatewayMetricsFd = 8;

}  // namespace holdfast
