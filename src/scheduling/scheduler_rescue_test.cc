// SPDX-License-Identifier: Apache-2.0
#include "testing/scheduler_fixture.h"

namespace holdfast {
namespace {

using std::chrono::seconds;
using Fate = Scheduler::AnswerFate;

// What becomes of an item whose worker fails.
class SchedulerRescue : public SchedulerFixture {
 protected:
  SchedulerRescue() { AddReady({0}); }

  // Item 1 runs, whose caller asks somebody else if its worker fails.
  void RunOnce() {
    const Item item{.id = {1},
                    .servable = kServable,
                    .deadline = now + seconds(60),
                    .bytes = 1,
                    .one_try = true};
    ASSERT_EQ(scheduler.Enqueue(item, now).reason, Reason::kOk);
    Decide();
    ASSERT_EQ(dispatched.size(), 1u);
  }
  // A fresh worker in slot 0, which gets the item.
  void Replace() {
    AddReady({0}, {++generation.value});
    Decide();
    ASSERT_EQ(dispatched.size(), 1u);
    ASSERT_EQ(dispatched[0].generation, generation);
  }
  void Kill(bool begun, DeathCause cause) {
    scheduler.WorkerLost({0}, generation, begun, now);
    scheduler.Verdict({0}, generation, cause, now);
    Decide();
  }
  void ExpectRefused(Reason reason, std::uint32_t attempts) {
    ASSERT_EQ(refused.size(), 1u);
    EXPECT_EQ(refused[0].reason, reason);
    EXPECT_EQ(refused[0].attempts, attempts);
    ExpectEmpty();
  }
  Generation generation{1};
};

TEST_F(SchedulerRescue, DispatchesAgainWhenAWorkerDies) {
  Run({1}, {0});
  Kill(true, DeathCause::kSignalled);
  ASSERT_EQ(rescued.size(), 1u);
  EXPECT_EQ(rescued[0].item, ItemId{1});
  EXPECT_EQ(rescued[0].from, SlotId{0});
  Replace();
  EXPECT_EQ(dispatched[0].attempt, 2u);
  EXPECT_EQ(Answer({0}, {1}, generation), Fate::kDeliver);
  ExpectEmpty();
}

TEST_F(SchedulerRescue, RefusesAnItemAfterItsSecondOwnDeath) {
  Run({1}, {0});
  Kill(true, DeathCause::kSignalled);
  Replace();
  Kill(true, DeathCause::kOutOfMemory);
  ExpectRefused(Reason::kRequestCrashedWorker, 2);
}

TEST_F(SchedulerRescue, AnItemOfOneTryIsRefusedAfterItsFirstOwnDeath) {
  RunOnce();
  Kill(true, DeathCause::kSignalled);
  EXPECT_TRUE(rescued.empty());
  ExpectRefused(Reason::kRequestCrashedWorker, 1);
}

TEST_F(SchedulerRescue, AnItemOfOneTryThatNobodyBeganIsNotBlamed) {
  RunOnce();
  Kill(false, DeathCause::kKilledFromOutside);
  EXPECT_TRUE(rescued.empty());
  ExpectRefused(Reason::kNoWorker, 0);
}

TEST_F(SchedulerRescue, NobodyElseIsAskedAboutADoubtfulItemOfOneTry) {
  RunOnce();
  scheduler.WorkerDoubted({0}, generation, {1}, now);
  Decide();
  ExpectRefused(Reason::kOutputInvalid, 1);
}

TEST_F(SchedulerRescue, DoesNotCountADeathBeforeTheItemWasBegun) {
  Run({1}, {0});
  for (int i = 0; i < 3; ++i) {
    Kill(false, DeathCause::kSignalled);
    EXPECT_EQ(scheduler.AttemptsOf({1}), 0u);
    Replace();
  }
  EXPECT_EQ(dispatched[0].attempt, 1u);
  EXPECT_EQ(Answer({0}, {1}, generation), Fate::kDeliver);
}

TEST_F(SchedulerRescue, DoesNotCountAKillFromOutside) {
  Run({1}, {0});
  for (int i = 0; i < 3; ++i) {
    Kill(true, DeathCause::kKilledFromOutside);
    Replace();
  }
  EXPECT_EQ(dispatched[0].attempt, 4u);
  EXPECT_EQ(Answer({0}, {1}, generation), Fate::kDeliver);
}

TEST_F(SchedulerRescue, GivesUpAfterFourDispatches) {
  Run({1}, {0});
  for (int i = 0; i < 3; ++i) {
    Kill(true, DeathCause::kKilledFromOutside);
    Replace();
  }
  Kill(true, DeathCause::kKilledFromOutside);
  ExpectRefused(Reason::kNoWorker, 4);
}

TEST_F(SchedulerRescue, CallsTwoInvalidOutputsInvalidNotACrash) {
  Run({1}, {0});
  for (int i = 0; i < 2; ++i) {
    scheduler.Condemn({0}, generation, DeathCause::kInvalidOutput);
    Decide();
    ASSERT_EQ(recycled.size(), 1u);
    EXPECT_EQ(recycled[0].cause, DeathCause::kInvalidOutput);
    scheduler.WorkerLost({0}, generation, true, now);
    if (i == 0) Replace();
  }
  Decide();
  ExpectRefused(Reason::kOutputInvalid, 2);
}

TEST_F(SchedulerRescue, CallsACrashAndAnInvalidOutputACrash) {
  Run({1}, {0});
  Kill(true, DeathCause::kSignalled);
  Replace();
  scheduler.Condemn({0}, generation, DeathCause::kInvalidOutput);
  scheduler.WorkerLost({0}, generation, true, now);
  Decide();
  ExpectRefused(Reason::kRequestCrashedWorker, 2);
}

TEST_F(SchedulerRescue, TakesAVerdictThatComesBeforeTheEndOfFile) {
  Run({1}, {0});
  Die({0}, generation, DeathCause::kSignalled);
  Decide();
  Replace();
  Die({0}, generation, DeathCause::kSignalled);
  Decide();
  ExpectRefused(Reason::kRequestCrashedWorker, 2);
}

TEST_F(SchedulerRescue, HoldsAnItemUntilTheSecondDeathIsExplained) {
  Run({1}, {0});
  Kill(true, DeathCause::kSignalled);
  Replace();
  scheduler.WorkerLost({0}, generation, true, now);
  AddReady({1});
  Decide();
  EXPECT_TRUE(dispatched.empty() && refused.empty());
  scheduler.Verdict({0}, generation, DeathCause::kKilledFromOutside, now);
  Decide();
  ASSERT_EQ(dispatched.size(), 1u);
  EXPECT_EQ(dispatched[0].slot, SlotId{1});
}

TEST_F(SchedulerRescue, DoesNotHoldAnItemForTheFirstDeath) {
  Run({1}, {0});
  scheduler.WorkerLost({0}, generation, true, now);
  AddReady({1});
  Decide();
  EXPECT_EQ(dispatched.size(), 1u);
}

TEST_F(SchedulerRescue, CountsAFirstDeathThatIsExplainedAfterTheSecond) {
  Run({1}, {0});
  scheduler.WorkerLost({0}, {1}, true, now);
  generation = {1};
  Replace();
  scheduler.WorkerLost({0}, {2}, true, now);
  scheduler.Verdict({0}, {2}, DeathCause::kSignalled, now);
  Decide();
  EXPECT_TRUE(refused.empty()) << "the first could be from outside";
  scheduler.Verdict({0}, {1}, DeathCause::kSignalled, now);
  Decide();
  ExpectRefused(Reason::kRequestCrashedWorker, 2);
}

TEST_F(SchedulerRescue, TriesAnItemAgainWhenNobodyExplainsTheDeath) {
  Run({1}, {0});
  Kill(true, DeathCause::kSignalled);
  Replace();
  scheduler.WorkerLost({0}, generation, true, now);
  Decide();
  EXPECT_EQ(scheduler.NextWake(), now + seconds(1));
  now = scheduler.NextWake();
  Decide();
  EXPECT_TRUE(refused.empty()) << "a supervisor that gets no time makes no item guilty";
  ASSERT_EQ(rescued.size(), 1u);
  Replace();
  EXPECT_EQ(Answer({0}, {1}, generation), Fate::kDeliver);
  ExpectEmpty();
}

TEST_F(SchedulerRescue, EndsAnItemWhoseDeathsNobodyExplainsAfterFourDispatches) {
  Run({1}, {0});
  for (int i = 0; i < 3; ++i) {
    scheduler.WorkerLost({0}, generation, true, now);
    now += seconds(1);
    Decide();
    ASSERT_TRUE(refused.empty());
    Replace();
  }
  scheduler.WorkerLost({0}, generation, true, now);
  now += seconds(1);
  Decide();
  ExpectRefused(Reason::kNoWorker, 4);
}

TEST_F(SchedulerRescue, EndsAnItemOnceWhenItsDeathsAreGivenUpTogether) {
  Rebuild({.dispatches_max = 2});
  AddReady({0});
  Run({1}, {0});
  scheduler.WorkerLost({0}, {1}, true, now);
  AddReady({1});
  Decide();
  scheduler.WorkerLost({1}, {1}, true, now);
  now += seconds(1);
  Decide();
  ExpectRefused(Reason::kNoWorker, 2);
}

TEST_F(SchedulerRescue, GivesTheSupervisorTheTimeThatTheHostSlept) {
  Run({1}, {0});
  Kill(true, DeathCause::kSignalled);
  Replace();
  scheduler.WorkerLost({0}, generation, true, now);
  Decide();
  now += seconds(3);
  scheduler.HostSlept(seconds(3));
  Decide();
  EXPECT_TRUE(refused.empty());
  scheduler.Verdict({0}, generation, DeathCause::kKilledFromOutside, now);
  Decide();
  EXPECT_EQ(rescued.size(), 1u);
}

TEST_F(SchedulerRescue, CountsAVerdictThatComesAfterItGaveUpWaiting) {
  Run({1}, {0});
  scheduler.WorkerLost({0}, {1}, true, now);
  Decide();
  now += seconds(1);
  Decide();
  scheduler.Verdict({0}, {1}, DeathCause::kSignalled, now);
  scheduler.Verdict({0}, {1}, DeathCause::kSignalled, now);
  Replace();
  Kill(true, DeathCause::kKilledFromOutside);
  EXPECT_EQ(rescued.size(), 1u) << "the first death counted once";
  Replace();
  Kill(true, DeathCause::kSignalled);
  ExpectRefused(Reason::kRequestCrashedWorker, 3);
}

TEST_F(SchedulerRescue, RefusesAWaitingItemAtTheLateWordThatItKilledTwo) {
  Run({1}, {0});
  scheduler.WorkerLost({0}, {1}, true, now);
  Replace();
  scheduler.WorkerLost({0}, generation, true, now);
  Decide();
  now += seconds(1);
  Decide();
  ASSERT_EQ(rescued.size(), 1u);
  scheduler.Verdict({0}, {1}, DeathCause::kSignalled, now);
  Decide();
  EXPECT_TRUE(refused.empty());
  scheduler.Verdict({0}, {2}, DeathCause::kSignalled, now);
  Decide();
  ExpectRefused(Reason::kRequestCrashedWorker, 2);
}

// --- Answers that may be invalid by the item's own doing ---

TEST_F(SchedulerRescue, AsksAnotherWorkerWhenAnAnswerIsDoubtful) {
  AddReady({1});
  Run({1}, {0});
  scheduler.WorkerDoubted({0}, {1}, {1}, now);
  Decide();
  ASSERT_EQ(dispatched.size(), 1u);
  EXPECT_EQ(dispatched[0].slot, SlotId{1}) << "not the one that has had it";
  EXPECT_TRUE(recycled.empty());
  EXPECT_EQ(Answer({1}, {1}), Fate::kDeliver);
  Decide();
  ASSERT_EQ(recycled.size(), 1u) << "the item can be answered";
  EXPECT_EQ(recycled[0].slot, SlotId{0});
  EXPECT_EQ(recycled[0].cause, DeathCause::kInvalidOutput);
  ExpectEmpty();
}

TEST_F(SchedulerRescue, CostsNoWorkerWhenTwoGiveNoValidAnswer) {
  AddReady({1});
  Run({1}, {0});
  scheduler.WorkerDoubted({0}, {1}, {1}, now);
  Decide();
  scheduler.WorkerDoubted({1}, {1}, {1}, now);
  Decide();
  EXPECT_TRUE(recycled.empty());
  ExpectRefused(Reason::kOutputInvalid, 2);
  EXPECT_EQ(scheduler.ReadyWorkers(kServable), 2u);
}

TEST_F(SchedulerRescue, WaitsForAnotherWorkerButNotWhereThereIsNone) {
  AddReady({1});
  Run({2}, {0});
  Run({1}, {1});
  scheduler.WorkerDoubted({1}, {1}, {1}, now);
  Decide();
  EXPECT_TRUE(dispatched.empty()) << "slot 0 is at work";
  scheduler.WorkerLost({0}, {1}, false, now);
  Decide();
  ASSERT_FALSE(dispatched.empty());
  EXPECT_EQ(dispatched[0].item, ItemId{1});
  EXPECT_EQ(dispatched[0].slot, SlotId{1}) << "a fault that passes is still mended";
}

TEST_F(SchedulerRescue, LetsADoubtedWorkerFinishWhatItRuns) {
  AddReady({1});
  Run({1}, {0});
  scheduler.WorkerDoubted({0}, {1}, {1}, now);
  Decide();
  Run({2}, {0});
  EXPECT_EQ(Answer({1}, {1}), Fate::kDeliver);
  Decide();
  EXPECT_TRUE(recycled.empty()) << "item 2 is innocent";
  EXPECT_EQ(Answer({0}, {2}), Fate::kDeliver);
  Decide();
  EXPECT_EQ(recycled.size(), 1u);
}

TEST_F(SchedulerRescue, HasABudgetOfItsOwnForSecondOpinions) {
  Rebuild({.rescue = {.burst = 1, .share = 0.0}, .second_opinion = {.burst = 1, .share = 0.0}});
  AddReady({0});
  AddReady({1});
  Run({1}, {0});
  scheduler.WorkerDoubted({0}, {1}, {1}, now);
  Decide();
  EXPECT_EQ(Answer({1}, {1}), Fate::kDeliver);
  Decide();
  AddReady({0}, {2});
  Run({2}, {0});
  scheduler.WorkerDoubted({0}, {2}, {2}, now);
  Decide();
  ExpectRefused(Reason::kOutputInvalid, 1);
  Run({3}, {0});
  Die({0}, {2}, DeathCause::kSignalled);
  Decide();
  EXPECT_EQ(rescued.size(), 1u) << "rescues are left";
}

TEST_F(SchedulerRescue, EndsADoubtfulItemThatIsLateOrThatNobodyWaitsFor) {
  Enqueue({1}, seconds(1));
  Decide();
  now += seconds(2);
  scheduler.WorkerDoubted({0}, {1}, {1}, now);
  Decide();
  ExpectRefused(Reason::kDeadlineExceeded, 1);
  Run({2}, {0});
  scheduler.Cancel({2});
  scheduler.WorkerDoubted({0}, {1}, {2}, now);
  Decide();
  EXPECT_TRUE(refused.empty());
  ExpectEmpty();
}

TEST_F(SchedulerRescue, CondemnsAWorkerWhoseDoubtfulAnswerIsToAnotherItem) {
  Run({1}, {0});
  scheduler.WorkerDoubted({0}, {1}, {2}, now);
  scheduler.WorkerDoubted({7}, {1}, {2}, now);
  Decide();
  ASSERT_EQ(recycled.size(), 1u);
  EXPECT_EQ(recycled[0].cause, DeathCause::kBrokeProtocol);
}

TEST_F(SchedulerRescue, RefusesWhenTheRescueBudgetIsSpent) {
  Rebuild({.rescue = {.burst = 1, .share = 0.0}});
  for (std::uint32_t i = 0; i < 2; ++i) {
    AddReady({i});
    Run({i}, {i});
  }
  for (std::uint32_t i = 0; i < 2; ++i) Die({i}, {1}, DeathCause::kKilledFromOutside);
  Decide();
  EXPECT_EQ(rescued.size(), 1u);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, Reason::kOverloaded);
}

TEST_F(SchedulerRescue, SpendsNoBudgetOnAnItemThatIsLate) {
  Rebuild({.rescue = {.burst = 1, .share = 0.0}});
  AddReady({0});
  AddReady({1});
  Enqueue({1}, seconds(1) - kMs);
  Decide();
  Run({2}, {1});
  now += seconds(1);
  scheduler.WorkerLost({0}, {1}, false, now);
  scheduler.WorkerLost({1}, {1}, false, now);
  Decide();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, Reason::kDeadlineExceeded);
  ASSERT_EQ(rescued.size(), 1u);
  EXPECT_EQ(rescued[0].item, ItemId{2});
}

TEST_F(SchedulerRescue, RefusesARescueOfAFailedServable) {
  Run({1}, {0});
  scheduler.SetFailed(kServable, true);
  Kill(true, DeathCause::kSignalled);
  ExpectRefused(Reason::kNoWorker, 1);
}

}  // namespace
}  // namespace holdfast
