// SPDX-License-Identifier: Apache-2.0
#include "testing/scheduler_fixture.h"

namespace holdfast {
namespace {

using std::chrono::seconds;
using Fate = Scheduler::AnswerFate;

// Workers that come, hang, lie and are replaced.
class SchedulerWorker : public SchedulerFixture {};

TEST_F(SchedulerWorker, CondemnsAWorkerThatAnswersAnotherItem) {
  AddReady({0});
  Run({1}, {0});
  EXPECT_EQ(Answer({0}, {2}), Fate::kProtocol);
  Decide();
  ASSERT_EQ(recycled.size(), 1u);
  EXPECT_EQ(recycled[0].cause, DeathCause::kBrokeProtocol);
  EXPECT_EQ(scheduler.items(), 1u);
  scheduler.WorkerLost({0}, {1}, true, now);
  Decide();
  EXPECT_EQ(rescued.size(), 1u);
}

TEST_F(SchedulerWorker, CondemnsAWorkerThatAnswersTwice) {
  AddReady({0});
  Run({1}, {0});
  EXPECT_EQ(Answer({0}, {1}), Fate::kDeliver);
  EXPECT_EQ(Answer({0}, {1}), Fate::kProtocol);
  Decide();
  EXPECT_EQ(recycled.size(), 1u);
}

TEST_F(SchedulerWorker, CondemnsAWorkerThatAnswersBeforeItIsReady) {
  scheduler.WorkerStarting({0}, {1}, kServable, now);
  EXPECT_EQ(Answer({0}, {1}), Fate::kProtocol);
  scheduler.WorkerReady({0}, {1}, now);
  Enqueue({1});
  Decide();
  EXPECT_TRUE(dispatched.empty());
  EXPECT_EQ(recycled.size(), 1u);
}

TEST_F(SchedulerWorker, DiscardsAnAnswerOfAPastGeneration) {
  AddReady({0});
  Run({1}, {0});
  AddReady({0}, {2});
  EXPECT_EQ(Answer({0}, {1}, {1}), Fate::kDiscard);
  Decide();
  EXPECT_TRUE(recycled.empty());
  EXPECT_EQ(dispatched.size(), 1u);
}

TEST_F(SchedulerWorker, DiscardsTheAnswerOfACondemnedWorker) {
  AddReady({0});
  Run({1}, {0});
  scheduler.Condemn({0}, {1}, DeathCause::kInvalidOutput);
  EXPECT_EQ(Answer({0}, {1}), Fate::kDiscard);
  EXPECT_EQ(scheduler.items(), 1u) << "its item waits for another worker";
}

TEST_F(SchedulerWorker, RecyclesAWorkerOnce) {
  AddReady({0});
  scheduler.Condemn({0}, {1}, DeathCause::kInvalidOutput);
  scheduler.Condemn({0}, {1}, DeathCause::kBrokeProtocol);
  Decide();
  ASSERT_EQ(recycled.size(), 1u);
  EXPECT_EQ(recycled[0].cause, DeathCause::kInvalidOutput);
}

TEST_F(SchedulerWorker, RecyclesAHungWorkerThenRescuesItsItem) {
  AddReady({0});
  Run({1}, {0});
  EXPECT_EQ(scheduler.NextWake(), now + seconds(1));
  now = scheduler.NextWake() - std::chrono::nanoseconds(1);
  Decide();
  EXPECT_TRUE(recycled.empty());
  now += std::chrono::nanoseconds(1);
  Decide();
  ASSERT_EQ(recycled.size(), 1u);
  EXPECT_EQ(recycled[0].cause, DeathCause::kHung);
  EXPECT_TRUE(rescued.empty()) << "until the shell has ended its worker";
  scheduler.WorkerLost({0}, {1}, true, now);
  Decide();
  EXPECT_EQ(rescued.size(), 1u);
}

TEST_F(SchedulerWorker, KeepsItsOwnReasonWhenTheSupervisorSaysAnother) {
  AddReady({0});
  Run({1}, {0});
  for (std::uint32_t g = 1; g <= 2; ++g) {
    scheduler.Condemn({0}, {g}, DeathCause::kHung);
    scheduler.Verdict({0}, {g}, DeathCause::kKilledFromOutside, now);
    scheduler.WorkerLost({0}, {g}, true, now);
    AddReady({0}, {g + 1});
    Decide();
  }
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, Reason::kRequestCrashedWorker);
}

TEST_F(SchedulerWorker, WaitsTenServiceTimesForASlowServable) {
  Rebuild({});
  scheduler.AddServable({1}, seconds(1));
  scheduler.WorkerStarting({0}, {1}, {1}, now);
  scheduler.WorkerReady({0}, {1}, now);
  scheduler.Enqueue({{1}, {1}, now + seconds(60), 1}, now);
  Decide();
  EXPECT_EQ(scheduler.NextWake(), now + seconds(10));
}

TEST_F(SchedulerWorker, DoesNotCallAWorkerHungWhenTheHostSlept) {
  AddReady({0});
  Run({1}, {0});
  now += seconds(5);
  scheduler.HostSlept(seconds(5));
  Decide();
  EXPECT_TRUE(recycled.empty());
  EXPECT_EQ(Answer({0}, {1}), Fate::kDeliver);
}

TEST_F(SchedulerWorker, TakesAReplacementForADeath) {
  AddReady({0});
  Run({1}, {0});
  scheduler.WorkerStarting({0}, {2}, kServable, now);
  scheduler.WorkerLost({0}, {1}, true, now);  // The old one's end-of-file, late.
  scheduler.WorkerReady({0}, {2}, now);
  Decide();
  EXPECT_EQ(rescued.size(), 1u);
  ASSERT_EQ(dispatched.size(), 1u);
  EXPECT_EQ(dispatched[0].generation, Generation{2});
  EXPECT_EQ(dispatched[0].attempt, 1u) << "who did not look may not count it";
}

TEST_F(SchedulerWorker, GivesNothingToAWorkerKnownToBeDead) {
  AddReady({0});
  scheduler.Verdict({0}, {1}, DeathCause::kKilledFromOutside, now);
  Enqueue({1});
  Decide();
  EXPECT_TRUE(dispatched.empty() && recycled.empty());
  AddReady({0}, {2});
  Decide();
  EXPECT_EQ(dispatched.size(), 1u);
}

TEST_F(SchedulerWorker, IgnoresTheReadyOfAWorkerKnownToBeDead) {
  scheduler.WorkerStarting({0}, {1}, kServable, now);
  scheduler.Verdict({0}, {1}, DeathCause::kSignalled, now);
  scheduler.WorkerReady({0}, {1}, now);
  EXPECT_EQ(scheduler.ReadyWorkers(kServable), 0u);
}

TEST_F(SchedulerWorker, TakesTheAnswerThatADeadWorkerGaveBefore) {
  AddReady({0});
  Run({1}, {0});
  scheduler.Verdict({0}, {1}, DeathCause::kKilledFromOutside, now);
  EXPECT_EQ(Answer({0}, {1}), Fate::kDeliver);
  Enqueue({2});
  Decide();
  EXPECT_TRUE(dispatched.empty()) << "it is dead all the same";
}

TEST_F(SchedulerWorker, DoesNotCallADeadWorkerHungWhenItsEndOfFileIsLost) {
  AddReady({0});
  Run({1}, {0});
  scheduler.Verdict({0}, {1}, DeathCause::kKilledFromOutside, now);
  now += seconds(1);
  Decide();
  ASSERT_EQ(recycled.size(), 1u);
  EXPECT_EQ(recycled[0].cause, DeathCause::kKilledFromOutside);
}

TEST_F(SchedulerWorker, IgnoresEventsOfUnknownWorkers) {
  scheduler.WorkerReady({3}, {1}, now);
  scheduler.WorkerLost({3}, {1}, true, now);
  scheduler.Verdict({3}, {1}, DeathCause::kSignalled, now);
  scheduler.Condemn({3}, {1}, DeathCause::kHung);
  EXPECT_EQ(Answer({3}, {1}), Fate::kDiscard);
  Decide();
  EXPECT_TRUE(recycled.empty() && refused.empty());
}

TEST_F(SchedulerWorker, CountsReadyWorkers) {
  scheduler.WorkerStarting({0}, {1}, kServable, now);
  EXPECT_EQ(scheduler.ReadyWorkers(kServable), 0u);
  scheduler.WorkerReady({0}, {1}, now);
  EXPECT_EQ(scheduler.ReadyWorkers(kServable), 1u);
  Run({1}, {0});
  EXPECT_EQ(scheduler.ReadyWorkers(kServable), 1u);
  scheduler.Condemn({0}, {1}, DeathCause::kHung);
  EXPECT_EQ(scheduler.ReadyWorkers(kServable), 0u);
}

TEST_F(SchedulerWorker, RetiresAnIdleWorkerAtOnce) {
  AddReady({0});
  scheduler.Retire({0}, {1}, DeathCause::kOutgrown);
  Enqueue({1});
  Decide();
  EXPECT_TRUE(dispatched.empty());
  ASSERT_EQ(recycled.size(), 1u);
  EXPECT_EQ(recycled[0].cause, DeathCause::kOutgrown);
}

TEST_F(SchedulerWorker, RetiresABusyWorkerOnceItHasAnswered) {
  AddReady({0});
  Run({1}, {0});
  scheduler.Retire({0}, {1}, DeathCause::kOutgrown);
  Decide();
  EXPECT_TRUE(recycled.empty());
  EXPECT_EQ(Answer({0}, {1}), Fate::kDeliver);
  Enqueue({2});
  Decide();
  EXPECT_EQ(recycled.size(), 1u);
  EXPECT_TRUE(dispatched.empty());
  scheduler.WorkerLost({0}, {1}, false, now);
  scheduler.WorkerStarting({0}, {2}, kServable, now);
  scheduler.WorkerReady({0}, {2}, now);
  Decide();
  EXPECT_EQ(dispatched.size(), 1u) << "its successor is not retired";
}

TEST_F(SchedulerWorker, DoesNotRetireTheSuccessorOfAWorkerThatIsGone) {
  AddReady({0}, {2});
  scheduler.Retire({0}, {1}, DeathCause::kOutgrown);
  Decide();
  EXPECT_TRUE(recycled.empty());
}

}  // namespace
}  // namespace holdfast
