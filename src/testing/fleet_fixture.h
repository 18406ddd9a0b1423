// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "lifecycle/fleet.h"

namespace holdfast {

constexpr ServableId kFirstServable{0};

// A fleet of one servable with two workers, and a clock that only the test moves. Delays do not
// jitter.
class FleetTest : public testing::Test {
 protected:
  FleetTest() { fleet.AddServable(2); }

  void UseOneWorker() {
    fleet = Fleet({.restart = {.jitter = 0.0}});
    fleet.AddServable(1);
  }

  void Decide() {
    actions = fleet.Decide(now);
    EXPECT_GT(fleet.NextWake(), now) << "Decide() would be called again at once, for ever";
  }
  template <class Action>
  std::vector<Action> All() const {
    std::vector<Action> found;
    for (const FleetAction& action : actions) {
      if (const auto* one = std::get_if<Action>(&action)) found.push_back(*one);
    }
    return found;
  }
  template <class Action>
  std::size_t Count() const {
    return All<Action>().size();
  }

  void StartAll() {
    Decide();
    fleet.GatewayStarted();
    LoadZygote();
    Decide();
    ASSERT_GE(Count<OrderWorker>(), 1u);
  }
  void LoadZygote() {
    fleet.ZygoteStarted(kFirstServable, now);
    fleet.ZygoteLoaded(kFirstServable);
  }
  void StartReady() {
    StartAll();
    for (const OrderWorker& order : All<OrderWorker>()) BecomeReady(order.slot);
  }
  void BecomeReady(SlotId slot) {
    fleet.WorkerForked(slot, GenerationOf(slot), now);
    fleet.WorkerReady(slot, GenerationOf(slot));
  }
  void DieInBirth(SlotId slot) {
    fleet.WorkerForked(slot, GenerationOf(slot), now);
    fleet.WorkerDied(slot, GenerationOf(slot), DeathCause::kSignalled, now);
  }
  void KillZygoteProcess() {
    fleet.ZygoteDied(kFirstServable, Fleet::Prospect::kMayRecover, "it died", now);
  }
  Generation GenerationOf(SlotId slot) const { return fleet.slots()[slot.value].generation; }
  SlotState StateOf(SlotId slot) const { return fleet.slots()[slot.value].state; }
  // Waits as long as the fleet wants to.
  void Sleep() {
    ASSERT_NE(fleet.NextWake(), kNever);
    now = fleet.NextWake();
    Decide();
  }

  TimePoint now{std::chrono::hours(1)};
  Fleet fleet{{.restart = {.jitter = 0.0}}};
  std::vector<FleetAction> actions;
};

}  // namespace holdfast
