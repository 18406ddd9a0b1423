// SPDX-License-Identifier: Apache-2.0
#include "sizing/kits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/nearest_name.h"

namespace holdfast {
namespace {

// Amazon asks 15 to 25 % more for a machine of SageMaker; the plan takes the upper end.
constexpr double kSageMakerPrice = 1.25;

constexpr std::array kKits{
    KitRule{Kit::kEcs, "ecs", 5, 110, 120, 60, 120, 0, 1},
    KitRule{Kit::kEc2, "ec2-autoscaling", 5, 110, 115, 60, 300, 0, 1},
    KitRule{Kit::kBeanstalk, "elastic-beanstalk", 2, 8, 10, 60, 300, 0, 1},
    KitRule{Kit::kSageMaker, "sagemaker", 0, 25, 30, 0, 600, 0, kSageMakerPrice},
    KitRule{Kit::kEks, "eks", 5, 75, 90, 60, 300, 1, 1},
};

}  // namespace

bool KitRule::Takes(const InstanceType& type) const {
  if (kit == Kit::kEcs) return type.fargate;
  if (kit == Kit::kSageMaker) return type.sagemaker;
  return !type.fargate;
}

std::span<const KitRule> KitRules() { return kKits; }

Result<const KitRule*> FindKit(std::string_view word) {
  const auto rule = std::ranges::find(kKits, word, &KitRule::word);
  if (rule != kKits.end()) return &*rule;
  std::vector<std::string> words;
  for (const KitRule& known : kKits) words.emplace_back(known.word);
  const std::string nearest = NearestName(word, words);
  return Error{Reason::kUsage, fmt::format("{}: no such kit; try {}", word,
                                           nearest.empty() ? words.front() : nearest)};
}

}  // namespace holdfast
