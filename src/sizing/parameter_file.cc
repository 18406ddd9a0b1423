// SPDX-License-Identifier: Apache-2.0
#include "sizing/parameter_file.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kMiBPerCpu = 1024;

std::string Architecture(const Sizing& sizing) {
  return sizing.type->processor->arm ? "arm64" : "x86_64";
}

void AddInstances(Parameters& parameters, const char* noun, const Sizing& sizing) {
  parameters.emplace_back(fmt::format("Min{}", noun), std::to_string(sizing.instances_min));
  parameters.emplace_back(fmt::format("Max{}", noun), std::to_string(sizing.instances_max));
}

std::string FormatOverlay(const Sizing& sizing) {
  // What the server holds grows with the photos; the base gives each CPU as much.
  const std::uint64_t needed = (sizing.memory_bytes + sizing.memory_bytes / 8) / kMiB + 1;
  const std::uint64_t mib = std::max(needed, sizing.cpus * kMiBPerCpu);
  return fmt::format(R"(apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [deploy/eks/base]
patches:
  - target: {{kind: Deployment, name: holdfast}}
    patch: |-
      - op: replace
        path: /spec/template/spec/containers/0/resources
        value:
          requests: {{cpu: "{0}", memory: {1}Mi}}
          limits: {{cpu: "{0}", memory: {1}Mi}}
      - op: add
        path: /spec/template/spec/nodeSelector
        value: {{node.kubernetes.io/instance-type: {2}}}
  - target: {{kind: HorizontalPodAutoscaler, name: holdfast}}
    patch: |-
      - {{op: replace, path: /spec/minReplicas, value: {3}}}
      - {{op: replace, path: /spec/maxReplicas, value: {4}}}
      - op: replace
        path: /spec/metrics/0/resource/target/averageUtilization
        value: {5}
)",
                     sizing.cpus, mib, sizing.type->name, sizing.instances_min,
                     sizing.instances_max, sizing.cpu_target);
}

}  // namespace

Parameters ParametersOf(const KitRule& kit, const Sizing& sizing) {
  Parameters parameters;
  const std::string latency = fmt::format("{:g}", sizing.alarm_ms / 1000);
  switch (kit.kit) {
    case Kit::kEcs:
      parameters = {
          {"Capacity", "FARGATE"},
          {"Size", std::string(sizing.type->name.substr(sizing.type->name.find('.') + 1))},
          {"CpuTarget", std::to_string(sizing.cpu_target)},
          {"LatencySeconds", latency}};
      AddInstances(parameters, "Tasks", sizing);
      break;
    case Kit::kEc2:
      parameters = {{"InstanceType", std::string(sizing.type->name)},
                    {"Architecture", Architecture(sizing)},
                    {"CpuTarget", std::to_string(sizing.cpu_target)},
                    {"LatencySeconds", latency}};
      AddInstances(parameters, "Instances", sizing);
      break;
    case Kit::kBeanstalk:
      parameters = {{"InstanceType", std::string(sizing.type->name)},
                    {"Architecture", Architecture(sizing)},
                    {"LatencySeconds", latency}};
      AddInstances(parameters, "Instances", sizing);
      break;
    case Kit::kSageMaker:
      parameters = {{"InstanceType", fmt::format("ml.{}", sizing.type->name)},
                    {"ConcurrencyTarget", std::to_string(sizing.concurrency_target)},
                    {"LatencyMicroseconds", fmt::format("{:.0f}", sizing.alarm_ms * 1000)}};
      AddInstances(parameters, "Instances", sizing);
      break;
    case Kit::kEks:
      break;
  }
  return parameters;
}

std::string FormatParameterFile(const KitRule& kit, const Sizing& sizing) {
  if (kit.kit == Kit::kEks) return FormatOverlay(sizing);
  // Neither names nor values hold what JSON would have to quote.
  std::string text;
  for (const auto& [name, value] : ParametersOf(kit, sizing)) {
    text += fmt::format("{}  \"{}\": \"{}\"", text.empty() ? "" : ",\n", name, value);
  }
  return fmt::format("{{\n{}\n}}\n", text);
}

}  // namespace holdfast
