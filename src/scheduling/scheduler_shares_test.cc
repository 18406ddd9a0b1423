// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "testing/scheduler_fixture.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Two servables with two workers each, and two places for all. Items of the second take four times
// as long.
class SchedulerShares : public SchedulerFixture {
 protected:
  static constexpr ServableId kSlow{1};

  SchedulerShares() {
    Scheduler::Options options;
    options.running_max = 2;
    Rebuild(options);
    scheduler.AddServable(kSlow, 4 * kService);
    for (const std::uint32_t slot : {0u, 1u}) AddReady({slot});
    for (const std::uint32_t slot : {2u, 3u}) {
      scheduler.WorkerStarting({slot}, {1}, kSlow, now);
      scheduler.WorkerReady({slot}, {1}, now);
    }
  }

  void Wish(ServableId servable, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const ItemId item{next_++};
      ASSERT_EQ(scheduler.Enqueue({item, servable, now + seconds(600), 1}, now).reason,
                Reason::kOk);
      servables_[item] = servable;
    }
  }

  // Lets time pass; workers answer when their time has come.
  void RunFor(Duration time) {
    for (const TimePoint end = now + time; now < end; now += milliseconds(10)) {
      for (auto running = running_.begin(); running != running_.end();) {
        if (running->second.until > now) {
          ++running;
          continue;
        }
        EXPECT_EQ(Answer(running->first, running->second.item), Scheduler::AnswerFate::kDeliver);
        running = running_.erase(running);
      }
      Decide();
      for (const Dispatch& dispatch : dispatched) {
        const ServableId servable = servables_.at(dispatch.item);
        const Duration takes = servable == kSlow ? 4 * kService : kService;
        running_[dispatch.slot] = {dispatch.item, now + takes};
        used_[servable] += takes;
      }
      EXPECT_LE(running_.size(), 2u);
    }
  }

  struct Running {
    ItemId item;
    TimePoint until;
  };
  std::uint64_t next_ = 1;
  std::map<ItemId, ServableId> servables_;
  std::map<SlotId, Running> running_;
  std::map<ServableId, Duration> used_;
};

TEST_F(SchedulerShares, GivesTheSameTimeToEachThatWantsMore) {
  Wish(kServable, 120);
  Wish(kSlow, 30);
  RunFor(seconds(8));
  const auto share = static_cast<double>(used_[kSlow].count()) /
                     static_cast<double>((used_[kServable] + used_[kSlow]).count());
  EXPECT_NEAR(share, 0.5, 0.05);
}

TEST_F(SchedulerShares, LetsOneHaveAllThatTheOthersLeave) {
  Wish(kServable, 100);
  RunFor(seconds(4));
  EXPECT_GE(used_[kServable], seconds(7));  // Of eight.
}

TEST_F(SchedulerShares, WhoeverWasIdleHasSavedNothingUp) {
  Wish(kServable, 100);
  RunFor(seconds(2));
  Wish(kSlow, 30);
  used_.clear();
  RunFor(seconds(4));
  EXPECT_NEAR(static_cast<double>(used_[kSlow].count()),
              static_cast<double>(used_[kServable].count()), 1e9);
}

TEST_F(SchedulerShares, AHungWorkerThatIsCondemnedHoldsNoPlace) {
  Wish(kServable, 3);
  Decide();
  ASSERT_EQ(dispatched.size(), 2u);
  Wish(kSlow, 1);
  Decide();
  EXPECT_TRUE(dispatched.empty());
  scheduler.Condemn({0}, {1}, DeathCause::kHung);
  Decide();
  ASSERT_EQ(dispatched.size(), 1u);
  EXPECT_EQ(dispatched[0].slot, SlotId{2});
}

TEST_F(SchedulerShares, AHungWorkerKeepsItsPlaceNoLongerThanIsPlausible) {
  Wish(kServable, 2);
  Decide();
  ASSERT_EQ(dispatched.size(), 2u);  // Both hang.
  Wish(kSlow, 1);
  now += 3 * kService;
  Decide();
  EXPECT_TRUE(dispatched.empty());
  EXPECT_EQ(scheduler.NextWake(), now + kService);
  now += kService;
  Decide();
  ASSERT_EQ(dispatched.size(), 1u);
  EXPECT_EQ(dispatched[0].slot, SlotId{2});
}

TEST_F(SchedulerShares, AdmissionCountsOnThePlacesThatOthersLeave) {
  Wish(kServable, 20);
  Decide();
  // 21 items of 100 ms on two places, were it alone: about a second.
  EXPECT_EQ(scheduler.Admit(kServable, 1, 1, now + milliseconds(1400), now).reason, Reason::kOk);
  Wish(kSlow, 4);
  // With one place of the two it is twice as long.
  EXPECT_EQ(scheduler.Admit(kServable, 1, 1, now + milliseconds(1400), now).reason,
            Reason::kOverloaded);
  EXPECT_EQ(scheduler.Admit(kServable, 1, 1, now + milliseconds(2800), now).reason, Reason::kOk);
}

}  // namespace
}  // namespace holdfast
