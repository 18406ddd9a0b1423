// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sizing/capacity.h"
#include "sizing/kits.h"

namespace holdfast {

// What `holdfast plan` is asked for.
struct PlanRequest {
  double rate = 0;  // Images a second.
  double deadline_ms = 0;
  std::optional<double> p99_ms;    // Of answers; without it: what the deadline allows.
  std::optional<double> budget;    // Dollars a month.
  std::vector<std::string> types;  // Empty: all that the kit takes.
  const KitRule* kit = nullptr;
  Workload workload;
};

// One type, sized. Everything in it is said in `reasoning`.
struct Sizing {
  const InstanceType* type = nullptr;
  std::uint32_t cpus = 0;  // That the server has.
  Capacity capacity;
  std::uint64_t memory_bytes = 0;   // That the server needs.
  double utilisation = 0;           // Allowed at the p99 asked for.
  std::uint32_t needed = 0;         // Instances that carry the rate.
  std::uint32_t instances_min = 0;  // And one more, which may fail.
  std::uint32_t instances_max = 0;
  double p99_ms = 0;                     // With instances_min.
  double p99_degraded_ms = 0;            // With one of them gone.
  double alarm_ms = 0;                   // A p99 above it is an alarm.
  std::uint32_t cpu_target = 0;          // Percent.
  std::uint32_t concurrency_target = 0;  // Requests in flight of an instance.
  double requests_per_minute = 0;        // Of an instance, at the target.
  double dollars_per_month = 0;
  double dollars_per_million = 0;  // Images, at the rate asked for.
  bool within_budget = true;
  std::vector<std::string> reasoning;
};

// A type that cannot do it, and why.
struct Refusal {
  const InstanceType* type = nullptr;
  std::string why;
  double response_ms = 0;  // Without a queue; 0 where time is not what is in the way.
};

struct Plan {
  double response_limit_ms = 0;  // What a p99 may be, of the p99 asked for and the deadline.
  std::vector<Sizing> ranked;    // The cheapest first; there is at least one.
  std::vector<Refusal> refused;
  std::vector<std::string> times;  // Of a stop and a start, with the kit's numbers.

  // The first of the ranking where that is within the budget; at one rate, what is cheapest by the
  // image is cheapest by the month.
  const Sizing* chosen() const { return ranked.front().within_budget ? &ranked.front() : nullptr; }
};

// kUsage: the request is none. kUnavailable: no type can do it; the message says which
// limit is in the way, and what would help.
Result<Plan> MakePlan(const PlanRequest& request);

}  // namespace holdfast
