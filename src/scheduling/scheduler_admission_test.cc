// SPDX-License-Identifier: Apache-2.0
#include "testing/scheduler_fixture.h"

namespace holdfast {
namespace {

using std::chrono::seconds;
using Fate = Scheduler::AnswerFate;

class SchedulerAdmission : public SchedulerFixture {
 protected:
  void FillQueue(std::uint64_t count) {
    for (std::uint64_t i = 1; i <= count; ++i) Enqueue({i});
  }
};

TEST_F(SchedulerAdmission, RefusesMoreItemsThanItsBound) {
  Rebuild({.items_max = 2});
  FillQueue(2);
  EXPECT_EQ(Offer({3}).reason, Reason::kOverloaded);
  EXPECT_EQ(scheduler.items(), 2u);
  scheduler.Cancel({1});
  EXPECT_EQ(Offer({3}).reason, Reason::kOk);
}

TEST_F(SchedulerAdmission, CountsAllItemsOfARequestAtOnce) {
  Rebuild({.items_max = 8});
  EXPECT_EQ(scheduler.Admit(kServable, 8, 8, kNever, now).reason, Reason::kOk);
  EXPECT_EQ(scheduler.Admit(kServable, 9, 9, kNever, now).reason, Reason::kOverloaded);
}

TEST_F(SchedulerAdmission, RefusesMoreBytesThanItsBound) {
  Rebuild({.bytes_max = 100});
  EXPECT_EQ(Offer({1}, seconds(60), 60).reason, Reason::kOk);
  EXPECT_EQ(Offer({2}, seconds(60), 41).reason, Reason::kOverloaded);
  EXPECT_EQ(Offer({3}, seconds(60), 40).reason, Reason::kOk);
  EXPECT_EQ(scheduler.bytes(), 100u);
}

TEST_F(SchedulerAdmission, RefusesADeadlineThatHasPassed) {
  EXPECT_EQ(Offer({1}, Duration::zero()).reason, Reason::kDeadlineExceeded);
}

TEST_F(SchedulerAdmission, RefusesWhatThePredictedWaitAndItsMarginDoNotAllow) {
  AddReady({0});
  Run({1}, {0});
  Enqueue({2});
  Enqueue({3});
  // Ahead: two queued, one half done; then its own service: 3.5 × 100 ms, and 15 % more.
  const Duration needed = std::chrono::microseconds(402'500);
  EXPECT_EQ(Offer({4}, needed - kMs).reason, Reason::kOverloaded);
  EXPECT_EQ(Offer({5}, needed + kMs).reason, Reason::kOk);
}

TEST_F(SchedulerAdmission, SharesThePredictedWaitAmongWorkers) {
  for (std::uint32_t i = 0; i < 4; ++i) {
    AddReady({i});
    Run({i}, {i});
  }
  for (std::uint64_t i = 10; i < 14; ++i) Enqueue({i});
  // (4 queued + 4 × ½) ÷ 4 workers + 1 of its own = 2.5 services.
  EXPECT_EQ(Offer({20}, std::chrono::milliseconds(280)).reason, Reason::kOverloaded);
  EXPECT_EQ(Offer({20}, std::chrono::milliseconds(290)).reason, Reason::kOk);
}

TEST_F(SchedulerAdmission, AsksTheClientToWaitLongerTheLongerTheQueueIs) {
  Rebuild({.items_max = 4});
  Duration before{-1};
  for (std::uint64_t i = 1; i <= 4; ++i) {
    const Duration hint = Offer({i + 100}, kMs).retry_after;
    EXPECT_GT(hint, before);
    before = hint;
    Enqueue({i});
  }
  EXPECT_GT(Offer({9}).retry_after, before) << "also where the count refuses";
}

TEST_F(SchedulerAdmission, AlwaysTriesWhileAWorkerIsFree) {
  AddReady({0});
  AddReady({1});
  EXPECT_EQ(Offer({1}, kMs).reason, Reason::kOk);
  EXPECT_EQ(Offer({2}, kMs).reason, Reason::kOk) << "the first leaves a worker free";
  EXPECT_EQ(Offer({3}, kMs).reason, Reason::kOverloaded);
}

TEST_F(SchedulerAdmission, RecoversFromAnInflatedEstimate) {
  AddReady({0});
  Run({1}, {0});
  now += seconds(100);
  Answer({0}, {1});
  ASSERT_GT(scheduler.ServiceMean(kServable), seconds(5));
  std::uint64_t next = 2;
  while (scheduler.ServiceMean(kServable) > 2 * kService) {
    ASSERT_LT(next, 200u);
    Enqueue({next}, seconds(1));
    Decide();
    ASSERT_EQ(dispatched.size(), 1u);
    now += kService;
    EXPECT_EQ(Answer({0}, {next++}), Fate::kDeliver);
  }
}

TEST_F(SchedulerAdmission, DoesNotMeasureWhatTheHostSleptThrough) {
  AddReady({0});
  Run({1}, {0});
  now += seconds(30);
  scheduler.HostSlept(seconds(30));
  EXPECT_EQ(Answer({0}, {1}), Fate::kDeliver);
  EXPECT_EQ(scheduler.ServiceMean(kServable), kService);
}

TEST_F(SchedulerAdmission, RefusesQueuedAndNewItemsOfAFailedServable) {
  AddReady({0});
  Run({1}, {0});
  Enqueue({2});
  Enqueue({3});
  scheduler.SetFailed(kServable, true);
  Decide();
  ASSERT_EQ(refused.size(), 2u);
  for (const Refuse& refuse : refused) EXPECT_EQ(refuse.reason, Reason::kNoWorker);
  const auto admission = Offer({4});
  EXPECT_EQ(admission.reason, Reason::kNoWorker);
  EXPECT_GT(admission.retry_after, Duration::zero());
  EXPECT_EQ(Answer({0}, {1}), Fate::kDeliver) << "what runs may end";
  scheduler.SetFailed(kServable, false);
  EXPECT_EQ(Offer({5}).reason, Reason::kOk);
}

TEST_F(SchedulerAdmission, WaitsForARespawnWhenNoWorkerIsLeft) {
  Enqueue({1}, seconds(5));
  Decide();
  EXPECT_TRUE(refused.empty());
  now += seconds(4);
  AddReady({0});
  Decide();
  EXPECT_EQ(dispatched.size(), 1u);
}

}  // namespace
}  // namespace holdfast
