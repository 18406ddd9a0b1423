// SPDX-License-Identifier: Apache-2.0
#include "sizing/instance_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/nearest_name.h"

namespace holdfast {
namespace {

constexpr Processor kCascadeLake{"Cascade Lake", "8275CL", 64, 3.4};
constexpr Processor kIceLake{"Ice Lake", "8375C", 64, 3.5};
constexpr Processor kSapphireRapids{"Sapphire Rapids", "8488C", 64, 3.2};
constexpr Processor kGraniteRapids{"Granite Rapids", "6975P", 64, 3.9};
constexpr Processor kZen3{"Zen 3", "7R13", 32, 3.6};
constexpr Processor kZen4{"Zen 4", "9R14", 32, 3.7};
constexpr Processor kZen5{"Zen 5", "9R45", 64, 4.5};
constexpr Processor kGraviton2{"Graviton2", "0x41 0xd0c", 16, 2.5, true};
constexpr Processor kGraviton3{"Graviton3", "0x41 0xd40", 32, 2.6, true};
constexpr Processor kGraviton4{"Graviton4", "0x41 0xd4f", 32, 2.8, true};
// Which one cannot be chosen: the least that was seen.
constexpr Processor kFargate{"any of Fargate's", "", 32, 2.5};

constexpr std::array kProcessors{kCascadeLake, kIceLake,  kSapphireRapids, kGraniteRapids,
                                 kZen3,        kZen4,     kZen5,           kGraviton2,
                                 kGraviton3,   kGraviton4};

// name, processor, CPUs, threads per core, GiB, $/h, SageMaker, Fargate.
constexpr std::array kTypes{
    InstanceType{"c5.xlarge", &kCascadeLake, 4, 2, 8, 0.170, true},
    InstanceType{"c6i.large", &kIceLake, 2, 2, 4, 0.085, true},
    InstanceType{"c6i.xlarge", &kIceLake, 4, 2, 8, 0.170, true},
    InstanceType{"c6i.2xlarge", &kIceLake, 8, 2, 16, 0.340, true},
    InstanceType{"c6a.xlarge", &kZen3, 4, 2, 8, 0.153},
    InstanceType{"c7i.large", &kSapphireRapids, 2, 2, 4, 0.0893, true},
    InstanceType{"c7i.xlarge", &kSapphireRapids, 4, 2, 8, 0.1785, true},
    InstanceType{"c7i.2xlarge", &kSapphireRapids, 8, 2, 16, 0.357, true},
    InstanceType{"c8i.xlarge", &kGraniteRapids, 4, 2, 8, 0.1874},
    InstanceType{"c7a.xlarge", &kZen4, 4, 1, 8, 0.2053},
    InstanceType{"c7a.2xlarge", &kZen4, 8, 1, 16, 0.4106},
    InstanceType{"c8a.xlarge", &kZen5, 4, 1, 8, 0.2155},
    InstanceType{"c6g.xlarge", &kGraviton2, 4, 1, 8, 0.136, true},
    InstanceType{"c7g.xlarge", &kGraviton3, 4, 1, 8, 0.145, true},
    InstanceType{"c7g.2xlarge", &kGraviton3, 8, 1, 16, 0.290, true},
    InstanceType{"c8g.large", &kGraviton4, 2, 1, 4, 0.0798, true},
    InstanceType{"c8g.xlarge", &kGraviton4, 4, 1, 8, 0.1595, true},
    InstanceType{"c8g.2xlarge", &kGraviton4, 8, 1, 16, 0.319, true},
    InstanceType{"m6i.xlarge", &kIceLake, 4, 2, 16, 0.192, true},
    InstanceType{"m7i.xlarge", &kSapphireRapids, 4, 2, 16, 0.2016, true},
    InstanceType{"m7a.xlarge", &kZen4, 4, 1, 16, 0.2318},
    InstanceType{"m7g.xlarge", &kGraviton3, 4, 1, 16, 0.1632},
    InstanceType{"m8g.xlarge", &kGraviton4, 4, 1, 16, 0.1795, true},
    InstanceType{"fargate.1cpu-2gb", &kFargate, 1, 2, 2, 0.04937, false, true},
    InstanceType{"fargate.2cpu-4gb", &kFargate, 2, 2, 4, 0.09874, false, true},
    InstanceType{"fargate.4cpu-8gb", &kFargate, 4, 2, 8, 0.19748, false, true},
    InstanceType{"fargate.8cpu-16gb", &kFargate, 8, 2, 16, 0.39496, false, true},
};

}  // namespace

std::span<const InstanceType> InstanceTypes() { return kTypes; }

Result<const InstanceType*> FindInstanceType(std::string_view name) {
  if (name.starts_with("ml.")) name.remove_prefix(3);
  if (const auto type = std::ranges::find(kTypes, name, &InstanceType::name);
      type != kTypes.end()) {
    return &*type;
  }
  if (name.starts_with("t2.") || name.starts_with("t3.")) {
    return Error{Reason::kUsage,
                 fmt::format("{}: its CPU is on credit, and slow while the group grows; try "
                             "c7i.large",
                             name)};
  }
  if (name.starts_with('g') || name.starts_with("inf") || name.starts_with('p')) {
    return Error{Reason::kUsage,
                 fmt::format("{}: no engine here uses its accelerator; try c7i.xlarge", name)};
  }
  std::vector<std::string> names;
  for (const InstanceType& type : kTypes) names.emplace_back(type.name);
  const std::string nearest = NearestName(name, names);
  return Error{Reason::kUsage, fmt::format("{}: the table has no such type; try {}", name,
                                           nearest.empty() ? "c7i.xlarge" : nearest)};
}

const Processor* FindProcessor(std::string_view cpuinfo) {
  const auto found = std::ranges::find_if(kProcessors, [&](const Processor& processor) {
    return cpuinfo.find(processor.cpuinfo) != std::string_view::npos;
  });
  return found == kProcessors.end() ? nullptr : &*found;
}

}  // namespace holdfast
