// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "testing/fleet_fixture.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Prospect = Fleet::Prospect;

constexpr ServableId kServable{0};
constexpr SlotId kSlot{0};

TEST_F(FleetTest, StartsGatewayAndZygoteAtOnceAndTheWorkersWhenBothAreThere) {
  Decide();
  EXPECT_EQ(Count<StartGateway>(), 1u);
  EXPECT_EQ(Count<StartZygote>(), 1u);
  EXPECT_EQ(Count<OrderWorker>(), 0u);
  Decide();
  EXPECT_TRUE(actions.empty()) << "each is started once";
  LoadZygote();
  Decide();
  EXPECT_EQ(Count<OrderWorker>(), 0u) << "no gateway to give them to";
  fleet.GatewayStarted();
  Decide();
  EXPECT_EQ(Count<OrderWorker>(), 2u);
}

TEST_F(FleetTest, ReplacesAReadyWorkerAtOnceWithTheNextGeneration) {
  StartReady();
  const Generation before = GenerationOf(kSlot);
  fleet.WorkerDied(kSlot, before, DeathCause::kSignalled, now);
  Decide();
  ASSERT_EQ(Count<OrderWorker>(), 1u);
  EXPECT_EQ(All<OrderWorker>()[0].generation.value, before.value + 1);
}

TEST_F(FleetTest, WaitsLongerEachTimeAWorkerDiesBeforeItIsReady) {
  UseOneWorker();
  StartAll();
  Duration before{0};
  for (int i = 0; i < 5; ++i) {
    DieInBirth(kSlot);
    Decide();
    EXPECT_EQ(Count<OrderWorker>(), 0u);
    const TimePoint died = now;
    Sleep();
    EXPECT_EQ(Count<OrderWorker>(), 1u);
    EXPECT_GT(now - died, before);
    before = now - died;
  }
}

TEST_F(FleetTest, DeclaresAServableFailedOnceItsCrashBudgetIsSpentThenGivesUp) {
  UseOneWorker();
  StartAll();
  for (int i = 0; i < 5; ++i) {
    DieInBirth(kSlot);
    Sleep();
  }
  DieInBirth(kSlot);
  Decide();
  EXPECT_EQ(Count<DeclareFailed>(), 1u);
  EXPECT_EQ(Count<GiveUp>(), 0u) << "a health check must see the 503";
  EXPECT_TRUE(fleet.failed(kServable));
  const TimePoint failed = now;
  Sleep();
  ASSERT_EQ(Count<GiveUp>(), 1u);
  EXPECT_EQ(Count<OrderWorker>(), 0u);
  EXPECT_EQ(now, failed + seconds(10));
  EXPECT_EQ(All<GiveUp>()[0].why, "a worker died before it was ready: signal");
}

TEST_F(FleetTest, DoesNotFailAServableThatAWorkerStillServes) {
  StartAll();
  BecomeReady({1});
  for (int i = 0; i < 20; ++i) {
    DieInBirth(kSlot);
    Sleep();
    EXPECT_EQ(Count<DeclareFailed>(), 0u);
    EXPECT_EQ(Count<OrderWorker>(), 1u);
  }
  fleet.WorkerDied({1}, GenerationOf({1}), DeathCause::kKilledFromOutside, now);
  Decide();
  DieInBirth(kSlot);
  Decide();
  EXPECT_EQ(Count<DeclareFailed>(), 1u) << "now nobody serves";
}

TEST_F(FleetTest, GivesUpSoonWhenTheModelIsHopeless) {
  Decide();
  fleet.GatewayStarted();
  fleet.ZygoteStarted(kServable, now);
  fleet.ZygoteDied(kServable, Prospect::kHopeless, "labels.txt is missing", now);
  Decide();
  EXPECT_EQ(Count<DeclareFailed>(), 1u);
  const TimePoint failed = now;
  Sleep();
  ASSERT_EQ(Count<GiveUp>(), 1u);
  EXPECT_EQ(All<GiveUp>()[0].why, "labels.txt is missing");
  EXPECT_LT(now - failed, milliseconds(100));
}

TEST_F(FleetTest, ServesOnWhenTheModelHasBecomeHopelessOnDisk) {
  StartReady();
  KillZygoteProcess();
  Decide();
  fleet.ZygoteStarted(kServable, now);
  fleet.ZygoteDied(kServable, Prospect::kHopeless, "model.onnx is missing", now);
  Decide();
  EXPECT_TRUE(actions.empty());
  Sleep();
  EXPECT_EQ(Count<StartZygote>(), 1u) << "seldom, but it is tried";
}

TEST_F(FleetTest, KeepsOtherServablesWhenOneFails) {
  fleet.AddServable(1);
  Decide();
  fleet.GatewayStarted();
  fleet.ZygoteDied({1}, Prospect::kHopeless, "no file", now);
  Decide();
  EXPECT_EQ(Count<DeclareFailed>(), 1u);
  EXPECT_EQ(Count<GiveUp>(), 0u);
  LoadZygote();
  Decide();
  EXPECT_EQ(Count<OrderWorker>(), 2u);
}

TEST_F(FleetTest, LoadsANewZygoteAtOnceAndKeepsItsWorkers) {
  StartReady();
  KillZygoteProcess();
  Decide();
  EXPECT_EQ(Count<StartZygote>(), 1u);
  EXPECT_EQ(Count<KillWorker>(), 0u);
  EXPECT_EQ(StateOf(kSlot), SlotState::kReady);
}

TEST_F(FleetTest, BacksOffWhenAZygoteDiesWhileItLoads) {
  Decide();
  fleet.ZygoteStarted(kServable, now);
  KillZygoteProcess();
  Decide();
  EXPECT_EQ(Count<StartZygote>(), 0u);
  now += milliseconds(100);
  Decide();
  EXPECT_EQ(Count<StartZygote>(), 1u);
}

TEST_F(FleetTest, BacksOffWhenAZygoteDiesAtEachFirstFork) {
  StartAll();
  int declared = 0;
  for (int i = 0; i < 6; ++i) {
    KillZygoteProcess();
    Decide();
    EXPECT_EQ(Count<StartZygote>(), 0u) << "or it would be loaded again and again";
    declared += static_cast<int>(Count<DeclareFailed>());
    if (declared == 0) Sleep();
    LoadZygote();
    Decide();
  }
  EXPECT_EQ(declared, 1);
}

TEST_F(FleetTest, OrdersAgainWhatADeadZygoteHadNotForked) {
  StartAll();
  fleet.WorkerForked(kSlot, GenerationOf(kSlot), now);
  KillZygoteProcess();
  EXPECT_EQ(StateOf(kSlot), SlotState::kForked);
  EXPECT_EQ(StateOf({1}), SlotState::kBackoff);
  fleet.WorkerReady(kSlot, GenerationOf(kSlot));
  Decide();
  EXPECT_EQ(Count<OrderWorker>(), 0u);
  Sleep();
  LoadZygote();
  Decide();
  ASSERT_EQ(Count<OrderWorker>(), 1u);
  EXPECT_EQ(All<OrderWorker>()[0].slot, SlotId{1});
}

TEST_F(FleetTest, IgnoresTheLoadedNewsOfAZygoteThatIsGone) {
  Decide();
  fleet.GatewayStarted();
  fleet.ZygoteStarted(kServable, now);
  KillZygoteProcess();
  fleet.ZygoteLoaded(kServable);
  Decide();
  EXPECT_EQ(Count<OrderWorker>(), 0u);
}

TEST_F(FleetTest, KillsAZygoteThatDoesNotFinishLoading) {
  Decide();
  fleet.GatewayStarted();
  fleet.ZygoteStarted(kServable, now);
  now += std::chrono::minutes(5);
  Decide();
  EXPECT_EQ(Count<KillZygote>(), 1u);
  Decide();
  EXPECT_TRUE(actions.empty()) << "once";
}

TEST_F(FleetTest, KillsAZygoteThatDoesNotAnswerAnOrder) {
  StartAll();
  now += seconds(2);
  Decide();
  EXPECT_GE(Count<KillZygote>(), 1u);
}

TEST_F(FleetTest, KillsAWorkerThatIsForkedButNotReadyInTime) {
  StartAll();
  fleet.WorkerForked(kSlot, GenerationOf(kSlot), now);
  BecomeReady({1});
  now += seconds(5);
  Decide();
  ASSERT_EQ(Count<KillWorker>(), 1u);
  EXPECT_EQ(All<KillWorker>()[0].cause, DeathCause::kStartTimeout);
  fleet.WorkerDied(kSlot, GenerationOf(kSlot), DeathCause::kStartTimeout, now);
  Decide();
  EXPECT_EQ(Count<OrderWorker>(), 0u) << "it was of no use: later";
}

TEST_F(FleetTest, JudgesNobodyWhoOnlySleptWithTheHost) {
  StartAll();
  fleet.WorkerForked(kSlot, GenerationOf(kSlot), now);
  now += seconds(30);
  fleet.HostSlept(seconds(30));
  Decide();
  EXPECT_TRUE(actions.empty());
  now += seconds(2);
  Decide();
  EXPECT_EQ(Count<KillZygote>(), 1u) << "the other order is unanswered all the same";
}

TEST_F(FleetTest, TakesTheReadyOfAWorkerBeforeItsFork) {
  StartAll();
  fleet.WorkerReady(kSlot, GenerationOf(kSlot));
  fleet.WorkerForked(kSlot, GenerationOf(kSlot), now);
  EXPECT_EQ(StateOf(kSlot), SlotState::kReady);
  BecomeReady({1});
  EXPECT_EQ(fleet.NextWake(), kNever);
}

TEST_F(FleetTest, IgnoresNewsOfAPastGeneration) {
  StartReady();
  const Generation old = GenerationOf(kSlot);
  fleet.WorkerDied(kSlot, old, DeathCause::kSignalled, now);
  Decide();
  fleet.WorkerReady(kSlot, old);
  fleet.WorkerDied(kSlot, old, DeathCause::kSignalled, now);
  fleet.RecycleAsked(kSlot, old, DeathCause::kHung);
  fleet.OrderFailed(kSlot, old, now);
  Decide();
  EXPECT_TRUE(actions.empty());
  EXPECT_EQ(StateOf(kSlot), SlotState::kOrdered);
}

TEST_F(FleetTest, EndsAWorkerWhoseOrderWasGivenUpBeforeItWasForked) {
  StartAll();
  const Generation lost = GenerationOf(kSlot);
  fleet.GatewayDied(now);
  fleet.WorkerForked(kSlot, lost, now);
  Decide();
  ASSERT_EQ(Count<KillWorker>(), 1u);
  EXPECT_EQ(All<KillWorker>()[0].generation, lost);
  fleet.WorkerDied(kSlot, lost, DeathCause::kGatewayGone, now);
  EXPECT_EQ(StateOf(kSlot), SlotState::kBackoff);
}

TEST_F(FleetTest, RecyclesAWorkerAtTheGatewaysWord) {
  StartReady();
  fleet.RecycleAsked(kSlot, GenerationOf(kSlot), DeathCause::kHung);
  Decide();
  ASSERT_EQ(Count<KillWorker>(), 1u);
  EXPECT_EQ(All<KillWorker>()[0].cause, DeathCause::kHung);
  fleet.WorkerDied(kSlot, GenerationOf(kSlot), DeathCause::kHung, now);
  fleet.RecycleAsked(kSlot, GenerationOf(kSlot), DeathCause::kHung);
  Decide();
  EXPECT_EQ(Count<KillWorker>(), 0u) << "it is dead";
  EXPECT_EQ(Count<OrderWorker>(), 1u);
}

TEST_F(FleetTest, TriesAFailedOrderAgainALittleLater) {
  StartAll();
  fleet.OrderFailed(kSlot, GenerationOf(kSlot), now);
  BecomeReady({1});
  Decide();
  EXPECT_EQ(Count<OrderWorker>(), 0u);
  EXPECT_EQ(fleet.NextWake(), now + milliseconds(100));
  Sleep();
  EXPECT_EQ(Count<OrderWorker>(), 1u);
}

TEST_F(FleetTest, ReplacesTheGatewayAtOnceAndForksFreshWorkersForIt) {
  StartReady();
  fleet.GatewayDied(now);
  Decide();
  EXPECT_EQ(Count<StartGateway>(), 1u);
  EXPECT_EQ(Count<StartZygote>(), 0u) << "no model is loaded again";
  ASSERT_EQ(Count<KillWorker>(), 2u);
  for (const KillWorker& kill : All<KillWorker>()) {
    EXPECT_EQ(kill.cause, DeathCause::kGatewayGone);
    fleet.WorkerDied(kill.slot, kill.generation, kill.cause, now);
  }
  Decide();
  EXPECT_EQ(Count<OrderWorker>(), 0u);
  fleet.GatewayStarted();
  Decide();
  EXPECT_EQ(Count<OrderWorker>(), 2u);
}

TEST_F(FleetTest, ReplacesAGatewayAtOnceHoweverOftenItHadServed) {
  StartReady();
  for (int i = 0; i < 20; ++i) {
    fleet.GatewayDied(now);
    Decide();
    ASSERT_EQ(Count<StartGateway>(), 1u);
    for (const KillWorker& kill : All<KillWorker>()) {
      fleet.WorkerDied(kill.slot, kill.generation, kill.cause, now);
    }
    fleet.GatewayStarted();
    Decide();
    for (const OrderWorker& order : All<OrderWorker>()) BecomeReady(order.slot);
    ASSERT_EQ(StateOf(kSlot), SlotState::kReady);
  }
}

TEST_F(FleetTest, SlowsAGatewayThatKeepsDyingThenGivesUp) {
  Decide();
  int starts = 0;
  const TimePoint begin = now;
  while (Count<GiveUp>() == 0) {
    fleet.GatewayStarted();
    fleet.GatewayDied(now);
    Decide();
    if (Count<GiveUp>() == 0 && Count<StartGateway>() == 0) Sleep();
    ASSERT_LE(++starts, 6);
  }
  EXPECT_EQ(starts, 6);
  EXPECT_GT(now - begin, seconds(2));
  EXPECT_EQ(All<GiveUp>()[0].why, "the gateway keeps dying");
}

TEST_F(FleetTest, TellsANewGatewayWhatHasFailed) {
  fleet.AddServable(1);
  StartReady();
  fleet.ZygoteDied({1}, Prospect::kHopeless, "no file", now);
  Decide();
  fleet.GatewayDied(now);
  Decide();
  EXPECT_EQ(Count<DeclareFailed>(), 0u);
  fleet.GatewayStarted();
  Decide();
  ASSERT_EQ(Count<DeclareFailed>(), 1u);
  EXPECT_EQ(All<DeclareFailed>()[0].servable, ServableId{1});
}

TEST_F(FleetTest, StartsNothingOnceItDrains) {
  StartReady();
  fleet.Drain();
  fleet.WorkerDied({0}, GenerationOf({0}), DeathCause::kDrained, now);
  fleet.WorkerDied({1}, GenerationOf({1}), DeathCause::kDrained, now);
  KillZygoteProcess();
  fleet.GatewayDied(now);
  Decide();
  EXPECT_TRUE(actions.empty());
  EXPECT_EQ(fleet.NextWake(), kNever);
}

TEST_F(FleetTest, GoesOnWithFewerWorkersWhenTheKernelKeepsKillingThemForMemory) {
  StartReady();
  for (int death = 1; death <= 3; ++death) {
    fleet.WorkerDied(kSlot, GenerationOf(kSlot), DeathCause::kOutOfMemory, now);
    Decide();
    EXPECT_EQ(Count<OrderWorker>(), death < 3 ? 1u : 0u) << death;
    if (death < 3) BecomeReady(kSlot);
  }
  ASSERT_EQ(Count<ReportFewerWorkers>(), 1u);
  EXPECT_EQ(All<ReportFewerWorkers>()[0].workers, 1u);
  // The last one is replaced, however often it dies.
  constexpr SlotId kOther{1};
  for (int death = 0; death < 5; ++death) {
    fleet.WorkerDied(kOther, GenerationOf(kOther), DeathCause::kOutOfMemory, now);
    Decide();
    EXPECT_EQ(Count<OrderWorker>(), 1u);
    EXPECT_EQ(Count<ReportFewerWorkers>(), 0u);
    BecomeReady(kOther);
  }
  const TimePoint died = now;
  Sleep();
  EXPECT_EQ(Count<OrderWorker>(), 1u) << "the other one comes back";
  EXPECT_EQ(now - died, std::chrono::minutes(10));
}

TEST_F(FleetTest, DeathsForMemoryThatAreFarApartCostNoWorker) {
  StartReady();
  for (int death = 0; death < 10; ++death) {
    fleet.WorkerDied(kSlot, GenerationOf(kSlot), DeathCause::kOutOfMemory, now);
    Decide();
    EXPECT_EQ(Count<OrderWorker>(), 1u);
    BecomeReady(kSlot);
    now += seconds(31);
  }
}

TEST_F(FleetTest, StartsNoMoreWorkersThanMemoryAllows) {
  fleet.LimitWorkers(kServable, 1);
  StartReady();
  EXPECT_EQ(StateOf(SlotId{1}), SlotState::kBackoff);
  EXPECT_EQ(fleet.NextWake(), kNever);
  fleet.LimitWorkers(kServable, 0);
  fleet.WorkerDied(kSlot, GenerationOf(kSlot), DeathCause::kSignalled, now);
  Decide();
  EXPECT_EQ(Count<OrderWorker>(), 1u) << "one is the least";
}

}  // namespace
}  // namespace holdfast
