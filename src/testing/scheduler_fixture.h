// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "scheduling/scheduler.h"

namespace holdfast {

// A scheduler, a clock that only the test moves, and short words for what a gateway tells it.
// Servable 0 exists; items take 100 ms.
class SchedulerFixture : public testing::Test {
 protected:
  static constexpr ServableId kServable{0};
  static constexpr Duration kService = std::chrono::milliseconds(100);
  static constexpr Duration kMs = std::chrono::milliseconds(1);

  SchedulerFixture() { Rebuild({}); }

  void Rebuild(const Scheduler::Options& options) {
    scheduler = Scheduler(options);
    scheduler.AddServable(kServable, kService);
  }

  void AddReady(SlotId slot, Generation generation = {1}) {
    scheduler.WorkerStarting(slot, generation, kServable, now);
    scheduler.WorkerReady(slot, generation, now);
  }

  Scheduler::Admission Offer(ItemId item, Duration time_left = std::chrono::seconds(60),
                             std::size_t bytes = 1) {
    return scheduler.Enqueue({item, kServable, now + time_left, bytes}, now);
  }
  void Enqueue(ItemId item, Duration time_left = std::chrono::seconds(60)) {
    ASSERT_EQ(Offer(item, time_left).reason, Reason::kOk);
  }

  // What Decide() says, as four lists.
  void Decide() {
    dispatched.clear();
    refused.clear();
    rescued.clear();
    recycled.clear();
    for (const Decision& decision : scheduler.Decide(now)) {
      if (const auto* dispatch = std::get_if<Dispatch>(&decision)) dispatched.push_back(*dispatch);
      if (const auto* refuse = std::get_if<Refuse>(&decision)) refused.push_back(*refuse);
      if (const auto* rescue = std::get_if<Rescued>(&decision)) rescued.push_back(*rescue);
      if (const auto* recycle = std::get_if<Recycle>(&decision)) recycled.push_back(*recycle);
    }
    EXPECT_GT(scheduler.NextWake(), now) << "Decide() would be called again at once, for ever";
  }

  // Enqueues `item` and sees it dispatched to `slot`, which must be the first idle one.
  void Run(ItemId item, SlotId slot) {
    Enqueue(item);
    Decide();
    ASSERT_EQ(dispatched.size(), 1u);
    ASSERT_EQ(dispatched[0].item, item);
    ASSERT_EQ(dispatched[0].slot, slot);
  }
  Scheduler::AnswerFate Answer(SlotId slot, ItemId item, Generation generation = {1}) {
    return scheduler.WorkerAnswered(slot, generation, item, now);
  }
  // The worker dies with its item begun; the supervisor has said why.
  void Die(SlotId slot, Generation generation, DeathCause cause) {
    scheduler.Verdict(slot, generation, cause, now);
    scheduler.WorkerLost(slot, generation, true, now);
  }
  void ExpectEmpty() {
    EXPECT_EQ(scheduler.items(), 0u);
    EXPECT_EQ(scheduler.bytes(), 0u);
    EXPECT_EQ(scheduler.queued(), 0u);
  }

  TimePoint now{std::chrono::hours(1)};
  Scheduler scheduler{Scheduler::Options{}};
  std::vector<Dispatch> dispatched;
  std::vector<Refuse> refused;
  std::vector<Rescued> rescued;
  std::vector<Recycle> recycled;
};

}  // namespace holdfast
