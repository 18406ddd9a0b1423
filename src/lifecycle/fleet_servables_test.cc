// SPDX-License-Identifier: Apache-2.0
// Servables that come and go.
#include <gtest/gtest.h>

#include "testing/fleet_fixture.h"

namespace holdfast {
namespace {

using Prospect = Fleet::Prospect;

constexpr ServableId kServable{0};

TEST_F(FleetTest, ARemovedServableIsGoneOnceItsLastProcessIs) {
  StartReady();
  fleet.RemoveServable(kServable);
  Decide();
  ASSERT_EQ(Count<KillZygote>(), 1u);
  ASSERT_EQ(Count<KillWorker>(), 2u);
  EXPECT_EQ(All<KillWorker>()[0].cause, DeathCause::kUnloaded);
  fleet.ZygoteDied(kServable, Prospect::kMayRecover, "killed", now);
  fleet.WorkerDied({0}, GenerationOf({0}), DeathCause::kUnloaded, now);
  Decide();
  EXPECT_EQ(Count<ServableGone>(), 0u);
  EXPECT_EQ(Count<OrderWorker>(), 0u);
  fleet.WorkerDied({1}, GenerationOf({1}), DeathCause::kUnloaded, now);
  Decide();
  ASSERT_EQ(Count<ServableGone>(), 1u);
  EXPECT_EQ(All<ServableGone>()[0].servable, kServable);
  EXPECT_EQ(Count<StartZygote>(), 0u);
  EXPECT_EQ(Count<GiveUp>(), 0u);
}

TEST_F(FleetTest, SlotsThatAreFreeAreTakenByTheNextServableAndTheirGenerationsGoOn) {
  StartReady();
  const Generation before = GenerationOf({0});
  fleet.RemoveServable(kServable);
  fleet.ZygoteDied(kServable, Prospect::kMayRecover, "killed", now);
  fleet.WorkerDied({0}, GenerationOf({0}), DeathCause::kUnloaded, now);
  fleet.WorkerDied({1}, GenerationOf({1}), DeathCause::kUnloaded, now);
  Decide();
  const ServableId next = fleet.AddServable(3);
  EXPECT_NE(next, kServable);
  EXPECT_EQ(fleet.slots().size(), 3u);
  Decide();
  fleet.ZygoteStarted(next, now);
  fleet.ZygoteLoaded(next);
  Decide();
  ASSERT_EQ(Count<OrderWorker>(), 3u);
  EXPECT_EQ(All<OrderWorker>()[0].servable, next);
  EXPECT_GT(GenerationOf({0}), before);
}

TEST_F(FleetTest, AWorkerThatIsForkedForARemovedServableIsEnded) {
  StartAll();
  fleet.RemoveServable(kServable);
  fleet.WorkerForked({0}, GenerationOf({0}), now);
  Decide();
  EXPECT_EQ(Count<KillWorker>(), 1u);
  fleet.ZygoteDied(kServable, Prospect::kMayRecover, "killed", now);
  Decide();
  EXPECT_EQ(Count<ServableGone>(), 0u);
  fleet.WorkerDied({0}, GenerationOf({0}), DeathCause::kUnloaded, now);
  Decide();
  EXPECT_EQ(Count<ServableGone>(), 1u);
}

TEST_F(FleetTest, ANewServableIsTriedBeforeTheServerGivesUpForAFailedOne) {
  Decide();
  fleet.GatewayStarted();
  fleet.ZygoteStarted(kServable, now);
  fleet.ZygoteDied(kServable, Prospect::kHopeless, "it is broken", now);
  Decide();
  ASSERT_EQ(Count<DeclareFailed>(), 1u);
  EXPECT_EQ(Count<GiveUp>(), 0u);
  const ServableId next = fleet.AddServable(1);
  Decide();
  EXPECT_EQ(Count<GiveUp>(), 0u);
  ASSERT_EQ(Count<StartZygote>(), 1u);
  EXPECT_EQ(All<StartZygote>()[0].servable, next);
}

TEST_F(FleetTest, AllReadyWhenEachWorkerIs) {
  StartAll();
  EXPECT_FALSE(fleet.AllReady(kServable));
  fleet.WorkerForked({0}, GenerationOf({0}), now);
  fleet.WorkerForked({1}, GenerationOf({1}), now);
  fleet.WorkerReady({0}, GenerationOf({0}));
  EXPECT_FALSE(fleet.AllReady(kServable));
  fleet.WorkerReady({1}, GenerationOf({1}));
  EXPECT_TRUE(fleet.AllReady(kServable));
}

TEST_F(FleetTest, WhereClientsAddServablesItWaitsForTheNextInsteadOfGivingUp) {
  fleet = Fleet({.restart = {.jitter = 0.0}, .waits_for_servables = true});
  const ServableId broken = fleet.AddServable(1);
  Decide();
  fleet.GatewayStarted();
  fleet.ZygoteStarted(broken, now);
  fleet.ZygoteDied(broken, Prospect::kHopeless, "it is broken", now);
  Decide();
  EXPECT_EQ(Count<DeclareFailed>(), 1u);
  now += std::chrono::hours(1);
  Decide();
  EXPECT_EQ(Count<GiveUp>(), 0u);
  EXPECT_EQ(fleet.NextWake(), kNever);
}

}  // namespace
}  // namespace holdfast
