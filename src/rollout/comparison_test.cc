// SPDX-License-Identifier: Apache-2.0
#include "rollout/comparison.h"

#include <gtest/gtest.h>

#include <random>

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{};

void CountMany(Comparison& comparison, Arm arm, int times, ArmOutcome outcome) {
  for (int i = 0; i < times; ++i) comparison.Count(arm, outcome);
}

TEST(ComparisonTest, NothingIsKnownAtTheStart) {
  const Comparison comparison({}, kStart);
  EXPECT_EQ(comparison.Against(), std::nullopt);
  EXPECT_FALSE(comparison.WindowDone(kStart + seconds(301)));
}

TEST(ComparisonTest, AVersionThatAlwaysFailsIsFoundWithTenRequests) {
  Comparison comparison({}, kStart);
  CountMany(comparison, Arm::kCurrent, 100, ArmOutcome::kAnswered);
  CountMany(comparison, Arm::kNew, 9, ArmOutcome::kError);
  EXPECT_EQ(comparison.Against(), std::nullopt);
  comparison.Count(Arm::kNew, ArmOutcome::kError);
  EXPECT_EQ(comparison.Against(), RollbackCause::kErrors);
}

TEST(ComparisonTest, InvalidOutputsAreACauseOfTheirOwn) {
  Comparison comparison({}, kStart);
  CountMany(comparison, Arm::kCurrent, 100, ArmOutcome::kAnswered);
  CountMany(comparison, Arm::kNew, 20, ArmOutcome::kInvalid);
  EXPECT_EQ(comparison.Against(), RollbackCause::kInvalidOutputs);
}

TEST(ComparisonTest, WhereBothFailNobodyIsWorse) {
  Comparison comparison({}, kStart);
  for (const Arm arm : {Arm::kCurrent, Arm::kNew}) {
    CountMany(comparison, arm, 500, ArmOutcome::kError);
  }
  EXPECT_EQ(comparison.Against(), std::nullopt);
}

TEST(ComparisonTest, DisagreementNeedsMoreThanItsLimit) {
  Comparison comparison({.disagreement_max = 0.2}, kStart);
  for (int i = 0; i < 1000; ++i) comparison.CountPair(i % 5 != 0);
  EXPECT_EQ(comparison.Against(), std::nullopt);
  for (int i = 0; i < 200; ++i) comparison.CountPair(false);
  EXPECT_EQ(comparison.Against(), RollbackCause::kDisagreement);
}

TEST(ComparisonTest, TwiceAsSlowIsAllowedAndThreeTimesIsNot) {
  for (const int slowness : {2, 3}) {
    Comparison comparison({.latency_max = 2}, kStart);
    for (int i = 0; i < 400; ++i) {
      comparison.CountTime(Arm::kCurrent, milliseconds(10 + i % 3));
      comparison.CountTime(Arm::kNew, milliseconds(slowness * (10 + i % 3)));
    }
    EXPECT_EQ(comparison.Against(),
              slowness == 2 ? std::nullopt : std::optional<RollbackCause>(RollbackCause::kLatency));
  }
}

TEST(ComparisonTest, TheSlowOnesAreComparedWhereThereAreEnough) {
  Comparison comparison({}, kStart);
  for (int i = 0; i < 3000; ++i) {
    comparison.CountTime(Arm::kCurrent, milliseconds(10));
    comparison.CountTime(Arm::kNew, milliseconds(i % 20 == 0 ? 100 : 10));
  }
  EXPECT_EQ(comparison.Against(), RollbackCause::kLatency);
}

TEST(ComparisonTest, AWindowIsDoneOnceItIsLongEnoughAndHoldsEnough) {
  Comparison comparison({.window = seconds(60), .requests_min = 20}, kStart);
  CountMany(comparison, Arm::kNew, 20, ArmOutcome::kAnswered);
  EXPECT_FALSE(comparison.WindowDone(kStart + seconds(60)));  // Nobody knows what it says.
  for (int i = 0; i < 20; ++i) comparison.CountPair(true);
  EXPECT_FALSE(comparison.WindowDone(kStart + seconds(59)));
  EXPECT_TRUE(comparison.WindowDone(kStart + seconds(60)));
  comparison.StartWindow(kStart + seconds(60));
  EXPECT_FALSE(comparison.WindowDone(kStart + seconds(300)));
  EXPECT_EQ(comparison.record(Arm::kNew).requests, 0u);
}

TEST(ComparisonTest, WithoutALimitOnDisagreementNoPairsAreNeeded) {
  Comparison comparison({.window = seconds(60), .requests_min = 20, .disagreement_max = 1}, kStart);
  CountMany(comparison, Arm::kNew, 20, ArmOutcome::kAnswered);
  EXPECT_TRUE(comparison.WindowDone(kStart + seconds(60)));
}

TEST(ComparisonTest, ItsWordsHaveTheNumbers) {
  Comparison comparison({}, kStart);
  CountMany(comparison, Arm::kCurrent, 90, ArmOutcome::kAnswered);
  CountMany(comparison, Arm::kNew, 7, ArmOutcome::kError);
  comparison.CountTime(Arm::kNew, milliseconds(10));
  comparison.CountPair(false);
  EXPECT_EQ(comparison.Words(),
            "new: 7 requests, 7 errors, 0 invalid outputs, 9.8 ms median, 9.8 ms p99; current: "
            "90 requests, 0 errors, 0 invalid outputs, 0.0 ms median, 0.0 ms p99; disagreed on "
            "1 of 1 items");
}

// --- Seeded traffic: one request in ten to the new version, a verdict after each ---

struct Behaviour {
  double errors = 0.01;
  double invalid = 0.001;
  double slowness = 1;
};

// After how many requests of the new version it was rolled back; nothing: never.
std::optional<std::uint64_t> RolledBackAfter(std::uint64_t seed, const Behaviour& current,
                                             const Behaviour& candidate, double disagreement) {
  constexpr int kRequests = 10'000;
  std::mt19937_64 random(seed);
  const auto happens = [&random](double rate) {
    return std::uniform_real_distribution<double>()(random) < rate;
  };
  // Times with a long tail, as where cores are shared.
  std::lognormal_distribution<double> milliseconds_of(2.5, 0.6);
  Comparison comparison({.disagreement_max = 0.1}, kStart);
  for (int i = 0; i < kRequests; ++i) {
    const bool is_new = i % 10 == 0;
    const Behaviour& behaviour = is_new ? candidate : current;
    const Arm arm = is_new ? Arm::kNew : Arm::kCurrent;
    const bool error = happens(behaviour.errors);
    const bool invalid = !error && happens(behaviour.invalid);
    comparison.Count(arm, error     ? ArmOutcome::kError
                          : invalid ? ArmOutcome::kInvalid
                                    : ArmOutcome::kAnswered);
    comparison.CountTime(
        arm, std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(
                 behaviour.slowness * milliseconds_of(random))));
    if (!is_new) continue;
    comparison.CountPair(!happens(disagreement));
    if (comparison.Against().has_value()) return comparison.record(Arm::kNew).requests;
  }
  return std::nullopt;
}

// The largest count over `seeds` seeds; a seed that never rolls back fails the test.
std::uint64_t WorstCount(int seeds, const Behaviour& candidate, double disagreement) {
  std::uint64_t worst = 0;
  for (int seed = 0; seed < seeds; ++seed) {
    const auto after =
        RolledBackAfter(static_cast<std::uint64_t>(seed), {}, candidate, disagreement);
    EXPECT_TRUE(after.has_value()) << "seed " << seed;
    worst = std::max(worst, after.value_or(0));
  }
  return worst;
}

TEST(ComparisonSimulationTest, AVersionLikeTheCurrentOneIsNotRolledBack) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    EXPECT_EQ(RolledBackAfter(seed, {}, {}, 0.05), std::nullopt) << "seed " << seed;
  }
}

TEST(ComparisonSimulationTest, NeitherIsOneAtItsLimits) {
  int rolled_back = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Behaviour limit{.errors = 0.02, .invalid = 0.011, .slowness = 2};
    if (RolledBackAfter(seed, {}, limit, 0.1).has_value()) ++rolled_back;
  }
  EXPECT_LE(rolled_back, 6);  // Of 300, each looked at a thousand times.
}

TEST(ComparisonSimulationTest, ABadVersionIsFoundSoon) {
  EXPECT_LE(WorstCount(100, {.errors = 0.5}, 0.05), 30u);
  EXPECT_LE(WorstCount(100, {.errors = 0.1}, 0.05), 500u);
  EXPECT_LE(WorstCount(100, {.invalid = 0.5}, 0.05), 30u);
  EXPECT_LE(WorstCount(100, {.slowness = 4}, 0.05), 120u);
  EXPECT_LE(WorstCount(100, {}, 0.5), 60u);
  EXPECT_LE(WorstCount(100, {}, 0.9), 15u);
}

}  // namespace
}  // namespace holdfast
