// SPDX-License-Identifier: Apache-2.0
#include "testing/scheduler_fixture.h"

namespace holdfast {
namespace {

using std::chrono::seconds;
using Fate = Scheduler::AnswerFate;

class SchedulerQueue : public SchedulerFixture {};

TEST_F(SchedulerQueue, DispatchesTheEarliestDeadlineFirst) {
  Enqueue({1}, seconds(30));
  Enqueue({2}, seconds(10));
  Enqueue({3}, seconds(20));
  std::vector<ItemId> order;
  AddReady({0});
  for (int i = 0; i < 3; ++i) {
    Decide();
    ASSERT_EQ(dispatched.size(), 1u);
    order.push_back(dispatched[0].item);
    EXPECT_EQ(Answer({0}, dispatched[0].item), Fate::kDeliver);
  }
  EXPECT_EQ(order, (std::vector<ItemId>{{2}, {3}, {1}}));
  ExpectEmpty();
}

TEST_F(SchedulerQueue, DispatchesTheOldestFirstAmongEqualDeadlines) {
  Enqueue({1});
  Enqueue({2});
  AddReady({0});
  Decide();
  ASSERT_EQ(dispatched.size(), 1u);
  EXPECT_EQ(dispatched[0].item, ItemId{1});
}

TEST_F(SchedulerQueue, GivesASlotOneItemAtATime) {
  AddReady({0});
  Run({1}, {0});
  Enqueue({2});
  Decide();
  EXPECT_TRUE(dispatched.empty());
  EXPECT_EQ(scheduler.queued(), 1u);
  EXPECT_EQ(scheduler.running(), 1u);
}

TEST_F(SchedulerQueue, GivesAWorkerOnlyItemsOfItsServable) {
  scheduler.AddServable({1}, kService);
  scheduler.WorkerStarting({0}, {1}, {1}, now);
  scheduler.WorkerReady({0}, {1}, now);
  Enqueue({1});
  Decide();
  EXPECT_TRUE(dispatched.empty());
}

TEST_F(SchedulerQueue, GivesNothingToAWorkerThatIsNotReady) {
  scheduler.WorkerStarting({0}, {1}, kServable, now);
  Enqueue({1});
  Decide();
  EXPECT_TRUE(dispatched.empty());
  scheduler.WorkerReady({0}, {1}, now);
  Decide();
  EXPECT_EQ(dispatched.size(), 1u);
}

TEST_F(SchedulerQueue, RefusesAQueuedItemAtItsDeadline) {
  Enqueue({1}, seconds(1));
  Decide();
  EXPECT_EQ(scheduler.NextWake(), now + seconds(1));
  now = scheduler.NextWake();
  AddReady({0});
  Decide();
  EXPECT_TRUE(dispatched.empty());
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, Reason::kDeadlineExceeded);
  EXPECT_EQ(refused[0].attempts, 0u);
  ExpectEmpty();
}

TEST_F(SchedulerQueue, RefusesARunningItemAtItsDeadlineAndDiscardsItsAnswer) {
  AddReady({0});
  Enqueue({1}, seconds(1) - kMs);
  Decide();
  now = scheduler.NextWake();
  Decide();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, Reason::kDeadlineExceeded);
  EXPECT_EQ(refused[0].attempts, 1u);
  EXPECT_TRUE(recycled.empty()) << "late is not hung";
  EXPECT_EQ(Answer({0}, {1}), Fate::kDiscard);
  ExpectEmpty();
}

TEST_F(SchedulerQueue, RefusesAnItemThatAwaitsAVerdictAtItsDeadline) {
  AddReady({0});
  AddReady({1});
  Enqueue({1}, seconds(1));
  Decide();
  scheduler.WorkerLost({0}, {1}, true, now);  // Held: its second death could be on the way …
  Decide();
  ASSERT_EQ(dispatched.size(), 1u);
  scheduler.WorkerLost({1}, {1}, true, now);  // … and is here.
  Decide();
  EXPECT_TRUE(dispatched.empty() && refused.empty());
  now += seconds(1);
  Decide();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, Reason::kDeadlineExceeded);
  ExpectEmpty();
  scheduler.Verdict({1}, {1}, DeathCause::kSignalled, now);
  Decide();
  EXPECT_TRUE(refused.empty()) << "it was answered once";
}

TEST_F(SchedulerQueue, DropsWhatCannotBeDoneInTimeWhenOthersWait) {
  Enqueue({1}, seconds(1));
  Enqueue({2}, seconds(2));
  now += seconds(1) - kService / 2;
  AddReady({0});
  Decide();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].item, ItemId{1});
  ASSERT_EQ(dispatched.size(), 1u);
  EXPECT_EQ(dispatched[0].item, ItemId{2});
}

TEST_F(SchedulerQueue, TriesWhatMayBeLateWhenEveryItemHasAWorker) {
  Enqueue({1}, seconds(1));
  Enqueue({2}, seconds(2));
  now += seconds(1) - kService / 2;
  AddReady({0});
  AddReady({1});
  Decide();
  EXPECT_TRUE(refused.empty());
  EXPECT_EQ(dispatched.size(), 2u);
}

TEST_F(SchedulerQueue, ForgetsAQueuedItemWhoseClientLeft) {
  Enqueue({1});
  scheduler.Cancel({1});
  ExpectEmpty();
  AddReady({0});
  Decide();
  EXPECT_TRUE(dispatched.empty() && refused.empty());
}

TEST_F(SchedulerQueue, LetsARunningItemEndWhoseClientLeft) {
  AddReady({0});
  Run({1}, {0});
  scheduler.Cancel({1});
  EXPECT_EQ(scheduler.items(), 1u) << "it still costs its worker";
  Decide();
  EXPECT_TRUE(recycled.empty() && refused.empty());
  EXPECT_EQ(Answer({0}, {1}), Fate::kDiscard);
  ExpectEmpty();
}

TEST_F(SchedulerQueue, DoesNotRescueAnItemWhoseClientLeft) {
  AddReady({0});
  Run({1}, {0});
  scheduler.Cancel({1});
  Die({0}, {1}, DeathCause::kSignalled);
  Decide();
  EXPECT_TRUE(rescued.empty() && refused.empty());
  ExpectEmpty();
}

TEST_F(SchedulerQueue, ForgetsAnItemThatAwaitsAVerdictWhenItsClientLeaves) {
  AddReady({0});
  AddReady({1});
  Run({1}, {0});
  scheduler.WorkerLost({0}, {1}, true, now);
  Decide();
  scheduler.WorkerLost({1}, {1}, true, now);
  scheduler.Cancel({1});
  ExpectEmpty();
  scheduler.Verdict({0}, {1}, DeathCause::kSignalled, now);
  scheduler.Verdict({1}, {1}, DeathCause::kSignalled, now);
  Decide();
  EXPECT_TRUE(refused.empty());
}

TEST_F(SchedulerQueue, SaysNothingMoreOfAnItemWhoseClientLeftBeforeItsRefusalWasGivenOut) {
  Enqueue({1});
  scheduler.SetFailed(kServable, true);
  scheduler.Cancel({1});
  Decide();
  EXPECT_TRUE(refused.empty());
}

TEST_F(SchedulerQueue, IgnoresTheCancelOfAnUnknownItem) {
  scheduler.Cancel({7});
  Decide();
  ExpectEmpty();
}

TEST_F(SchedulerQueue, SleepsForEverWhenThereIsNothingToDo) {
  AddReady({0});
  Decide();
  EXPECT_EQ(scheduler.NextWake(), kNever);
}

}  // namespace
}  // namespace holdfast
