// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "simulation/worlds.h"

namespace holdfast::simulation {
namespace {

using RunWorld = Outcome (*)(std::uint64_t, Telling);

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

void RunSeeds(const char* name, RunWorld run) {
  constexpr std::uint64_t kNone = ~std::uint64_t{0};
  if (const auto only = FromEnvironment("HOLDFAST_SIM_SEED", kNone); only != kNone) {
    fmt::print("--- {}, seed {}\n", name, only);
    for (const std::string& broken : run(only, Telling::kVerbose).broken) ADD_FAILURE() << broken;
    return;
  }
  const auto seeds = FromEnvironment("HOLDFAST_SIM_SEEDS", 2000);
  const auto begin = std::chrono::steady_clock::now();
  Outcome sum;
  int failures = 0;
  for (std::uint64_t seed = 0; seed < seeds && failures < 5; ++seed) {
    const Outcome outcome = run(seed, Telling::kQuiet);
    sum.events += outcome.events;
    sum.decide_calls += outcome.decide_calls;
    sum.items += outcome.items;
    sum.answered += outcome.answered;
    sum.refused += outcome.refused;
    sum.shed += outcome.shed;
    sum.rescued += outcome.rescued;
    sum.gave_up += outcome.gave_up;
    if (outcome.broken.empty()) continue;
    ++failures;
    ADD_FAILURE() << name << ", seed " << seed << ": " << outcome.broken.front()
                  << "\n  replay it with: ./dev sim " << seed;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  fmt::print(
      "{}: {} seeds in {:.2f} s ({:.0f}/s), {} events, {} Decide() calls; {} items: {} "
      "answered, {} refused, {} shed, {} rescues; {} gave up\n",
      name, seeds, took.count(), static_cast<double>(seeds) / took.count(), sum.events,
      sum.decide_calls, sum.items, sum.answered, sum.refused, sum.shed, sum.rescued, sum.gave_up);
}

TEST(Simulation, KeepsItsPromisesInEveryGatewayWorld) { RunSeeds("gateway", RunGatewayWorld); }

TEST(Simulation, KeepsItsPromisesInEveryFleetWorld) { RunSeeds("fleet", RunFleetWorld); }

TEST(Simulation, KeepsItsPromisesInEveryWholeWorld) { RunSeeds("whole", RunWholeWorld); }

TEST(Simulation, RepeatsItselfFromTheSameSeed) {
  for (const RunWorld run : {RunGatewayWorld, RunFleetWorld, RunWholeWorld}) {
    const Outcome once = run(42, Telling::kQuiet);
    const Outcome again = run(42, Telling::kQuiet);
    EXPECT_EQ(once.events, again.events);
    EXPECT_EQ(once.answered, again.answered);
    EXPECT_EQ(once.decide_calls, again.decide_calls);
  }
}

}  // namespace
}  // namespace holdfast::simulation
