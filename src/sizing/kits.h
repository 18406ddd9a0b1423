// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "sizing/instance_types.h"

namespace holdfast {

// The kits of deploy/.
enum class Kit { kEcs, kEc2, kBeanstalk, kSageMaker, kEks };

// What a kit fixes. tests/deploy/plan_test.py compares the times with the kits' own files.
struct KitRule {
  Kit kit;
  std::string_view word;      // Its folder.
  std::uint32_t lame_duck_s;  // What the server does after SIGTERM; see resolve_config.cc.
  std::uint32_t drain_s;
  std::uint32_t stop_timeout_s;    // From SIGTERM to SIGKILL.
  std::uint32_t deregistration_s;  // Of the load balancer; 0: the platform stops the requests.
  std::uint32_t grace_s;           // To start, before the first health check counts.
  std::uint32_t reserved_cpus;     // Of a node, for its own daemons.
  double price_factor;             // On the price of the machine.

  bool Takes(const InstanceType& type) const;
};

std::span<const KitRule> KitRules();
// kUsage names the nearest.
Result<const KitRule*> FindKit(std::string_view word);

}  // namespace holdfast
