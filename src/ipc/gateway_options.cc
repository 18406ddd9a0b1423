// SPDX-License-Identifier: Apache-2.0
#include "ipc/gateway_options.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kLogLevelMax = 3;  // LogLevel::kError.
constexpr auto kModelControlMax = static_cast<std::uint64_t>(ModelControl::kSageMaker);

Result<std::chrono::milliseconds> TakeMilliseconds(const RoleArguments& arguments,
                                                   const std::string& key) {
  return std::chrono::milliseconds(TRY(arguments.Number(key)));
}

Status TakeLimits(const RoleArguments& arguments, GatewayOptions& options) {
  options.body_bytes_max = TRY(arguments.Number("body_bytes_max"));
  options.queue_items_max = TRY(arguments.Number("queue_items_max"));
  options.running_items_max = TRY(arguments.Number("running_items_max"));
  options.queue_bytes_max = TRY(arguments.Number("queue_bytes_max"));
  options.connections_max = TRY(arguments.Number("connections_max"));
  options.grpc_message_bytes_max = TRY(arguments.Number("grpc_message_bytes_max"));
  options.credentials = TRY(arguments.Number("credentials")) != 0;
  options.idempotency_bytes_max = TRY(arguments.Number("idempotency_bytes_max"));
  options.body_bytes_per_second_min = TRY(arguments.Number("body_bytes_per_second_min"));
  return {};
}

Status TakeTimes(const RoleArguments& arguments, GatewayOptions& options) {
  options.hang_floor = TRY(TakeMilliseconds(arguments, "hang_floor_ms"));
  options.deadline_default = TRY(TakeMilliseconds(arguments, "deadline_default_ms"));
  options.deadline_max = TRY(TakeMilliseconds(arguments, "deadline_max_ms"));
  options.header_timeout = TRY(TakeMilliseconds(arguments, "header_timeout_ms"));
  options.idempotency_lifetime = TRY(TakeMilliseconds(arguments, "idempotency_lifetime_ms"));
  options.keep_alive = TRY(TakeMilliseconds(arguments, "keep_alive_ms"));
  options.lame_duck = TRY(TakeMilliseconds(arguments, "lame_duck_ms"));
  options.golden_interval = TRY(TakeMilliseconds(arguments, "golden_interval_ms"));
  return {};
}

Status TakeReports(const RoleArguments& arguments, GatewayOptions& options) {
  options.service_name = TRY(arguments.Text("service_name"));
  options.emf_interval = TRY(TakeMilliseconds(arguments, "emf_interval_ms"));
  options.trace_endpoint = TRY(arguments.Text("trace_endpoint"));
  options.trace_percent = TRY(arguments.Number("trace_percent"));
  options.access_log_percent = TRY(arguments.Number("access_log_percent"));
  options.log_as_text = TRY(arguments.Number("log_as_text")) != 0;
  options.log_level = TRY(arguments.Number("log_level"));
  return {};
}

}  // namespace

RoleArguments ToArguments(const GatewayOptions& options) {
  RoleArguments arguments;
  arguments.Set("build", options.build)
      .Set("default_model", options.default_model)
      .Set("successor", options.successor)
      .Set("body_bytes_max", options.body_bytes_max)
      .Set("queue_items_max", options.queue_items_max)
      .Set("running_items_max", options.running_items_max)
      .Set("queue_bytes_max", options.queue_bytes_max)
      .Set("connections_max", options.connections_max)
      .Set("grpc_message_bytes_max", options.grpc_message_bytes_max)
      .Set("model_control", static_cast<std::uint64_t>(options.model_control))
      .Set("multi_model_root", options.multi_model_root)
      .Set("credentials", static_cast<int>(options.credentials))
      .Set("idempotency_bytes_max", options.idempotency_bytes_max)
      .Set("idempotency_lifetime_ms", options.idempotency_lifetime.count())
      .Set("hang_floor_ms", options.hang_floor.count())
      .Set("deadline_default_ms", options.deadline_default.count())
      .Set("deadline_max_ms", options.deadline_max.count())
      .Set("header_timeout_ms", options.header_timeout.count())
      .Set("keep_alive_ms", options.keep_alive.count())
      .Set("lame_duck_ms", options.lame_duck.count())
      .Set("poison_dir", options.poison_dir)
      .Set("golden_interval_ms", options.golden_interval.count())
      .Set("body_bytes_per_second_min", options.body_bytes_per_second_min)
      .Set("service_name", options.service_name)
      .Set("emf_interval_ms", options.emf_interval.count())
      .Set("trace_endpoint", options.trace_endpoint)
      .Set("trace_percent", options.trace_percent)
      .Set("access_log_percent", options.access_log_percent)
      .Set("log_as_text", static_cast<int>(options.log_as_text))
      .Set("log_level", options.log_level);
  return arguments;
}

Result<GatewayOptions> GatewayOptionsFrom(const RoleArguments& arguments) {
  GatewayOptions options;
  options.build = TRY(arguments.Number("build"));
  options.default_model = TRY(arguments.Text("default_model"));
  options.successor = TRY(arguments.Number("successor"));
  TRY_DO(TakeLimits(arguments, options));
  TRY_DO(TakeTimes(arguments, options));
  options.poison_dir = TRY(arguments.Text("poison_dir"));
  const std::uint64_t control = TRY(arguments.Number("model_control"));
  options.model_control = static_cast<ModelControl>(control);
  options.multi_model_root = TRY(arguments.Text("multi_model_root"));
  TRY_DO(TakeReports(arguments, options));
  if (options.log_level > kLogLevelMax || control > kModelControlMax) {
    return Error{Reason::kUsage, "a role argument is none of ours"};
  }
  return options;
}

}  // namespace holdfast
