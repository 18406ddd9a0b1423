// SPDX-License-Identifier: Apache-2.0
#include "supervisor/startup_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/build_id.h"
#include "os/replace_file.h"

namespace holdfast {
namespace {

std::string DescribeModel(const PlannedModel& model) {
  const auto& loaded = model.loaded;
  const std::string workers =
      fmt::format("{} worker{}", model.workers, model.workers == 1 ? "" : "s");
  if (!loaded.has_value()) {
    return fmt::format("  model     {}  not loaded: see the log\n", FormatKey(model.key));
  }
  std::string text = fmt::format(
      "  model     {}  {}, {} {} -> {} classes, {}, {:.1f} ms an image, loaded in {} ms{}\n",
      FormatKey(model.key), loaded->engine, DTypeName(loaded->signature.input.dtype),
      FormatShape(loaded->signature.input.shape),
      ElementCount(ItemShape(loaded->signature.output)).value_or(0), workers,
      Milliseconds(loaded->service), loaded->load_ms,
      loaded->graph == "kept" ? " from the graph cache" : "");
  text +=
      loaded->golden_examples > 0
          ? fmt::format("            {} golden example{} passed\n", loaded->golden_examples,
                        loaded->golden_examples == 1 ? "" : "s")
          : std::string("            no golden example: nothing proves that it is the right one\n");
  if (!loaded->tuning.empty()) text += fmt::format("            {}\n", loaded->tuning);
  for (const std::string& assumption : loaded->assumptions) {
    text += fmt::format("            assumed: {}\n", assumption);
  }
  return text;
}

std::string DescribeSandbox(Sandboxing sandbox, const std::vector<PlannedModel>& models) {
  std::string gap;  // The kernel is the same for all.
  for (const PlannedModel& model : models) {
    if (model.loaded.has_value()) gap = model.loaded->sandbox_gap;
  }
  switch (sandbox) {
    case Sandboxing::kOff:
      return "off: workers can reach what this user can";
    case Sandboxing::kOn:
      if (!gap.empty()) return "incomplete: " + gap;
      return "on (seccomp, no new privileges, no descriptors)";
    case Sandboxing::kRequired:
      return "required (seccomp, no new privileges, no descriptors)";
  }
  return "";
}

std::string DescribeAccess(const PortCredentials& credentials) {
  if (!credentials.any()) return "";
  std::string text = "  access    ";
  text += credentials.tls() ? "TLS 1.2 or newer" : "not encrypted";
  if (!credentials.client_ca.empty()) text += ", with a client certificate";
  if (!credentials.api_keys.empty()) text += ", with an API key";
  return text + "\n";
}

}  // namespace

std::string FormatStartupPlan(const SupervisorOptions& options, const BoundPorts& ports,
                              const std::vector<PlannedModel>& models) {
  std::string text = fmt::format("holdfast {} ({}) serves\n", Version(), BuildId());
  for (const PlannedModel& model : models) text += DescribeModel(model);
  const GatewayOptions& gateway = options.gateway;
  if (ModelsOnDemand(gateway.model_control)) {
    text += fmt::format("  models    by POST /models, from below {}\n", gateway.multi_model_root);
  }
  if (!gateway.default_model.empty()) {
    text += fmt::format("  default   {}\n", gateway.default_model);
  }
  text += fmt::format("  workers   {}\n", options.workers_why);
  text += fmt::format("  sandbox   {}\n", DescribeSandbox(options.sandbox, models));
  text += fmt::format(
      "  http      {}://{}:{}  (/classify, /v1/models, /invocations, /healthz, /metrics)\n",
      options.credentials.tls() ? "https" : "http", options.bind_address, ports.http);
  text += fmt::format("  grpc      {}:{}\n", options.bind_address, ports.grpc);
  text += DescribeAccess(options.credentials);
  text += fmt::format("  admin     http://{}:{}  (/debug/deaths, /debug/quarantine, /metrics)\n",
                      options.admin_address, ports.admin);
  text += fmt::format(
      "  limits    body {} MiB, {} megapixels, queue {} items / {} MiB, deadline {} s (at most {} "
      "s), "
      "{} connections\n",
      gateway.body_bytes_max >> 20, options.image_pixels_max / 1'000'000, gateway.queue_items_max,
      gateway.queue_bytes_max >> 20, Seconds(gateway.deadline_default),
      Seconds(gateway.deadline_max), gateway.connections_max);
  text += fmt::format(
      "  stop      SIGTERM drains for at most {} s, the first {} s not ready but serving"
      " (platform: {})\n",
      Seconds(options.drain_timeout), Seconds(gateway.lame_duck), options.platform);
  return text;
}

Status WritePortFile(const std::filesystem::path& file, const BoundPorts& ports) {
  return ReplaceFile(file, fmt::format("{{\"http\":{},\"grpc\":{},\"admin\":{}}}\n", ports.http,
                                       ports.grpc, ports.admin));
}

}  // namespace holdfast
