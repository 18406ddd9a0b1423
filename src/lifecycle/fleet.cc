// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/fleet.h"

#include <algorithm>
#include <utility>

namespace holdfast {
namespace {

// Whether a process has the slot, or is on its way to it.
bool Occupied(const Fleet::Slot& slot) {
  return slot.state != SlotState::kBackoff && slot.state != SlotState::kFree;
}

}  // namespace

Fleet::Fleet(Options options)
    : options_(options), gateway_policy_(options_.restart, options_.seed) {}

ServableId Fleet::AddServable(std::uint32_t workers) {
  const ServableId id{next_servable_++};
  servables_.try_emplace(
      id, ServableRecord{.policy = RestartPolicy(options_.restart, options_.seed + id.value + 1)});
  // Slots that others have left come first; their generations go on.
  for (Slot& slot : slots_) {
    if (workers == 0 || slot.state != SlotState::kFree) continue;
    slot = Slot{.servable = id, .generation = slot.generation};
    --workers;
  }
  slots_.resize(slots_.size() + workers, Slot{.servable = id});
  if (!gateway_failed_) all_failed_since_ = kNever;  // This one may serve.
  return id;
}

void Fleet::RemoveServable(ServableId servable) {
  ServableRecord& record = servables_.at(servable);
  if (std::exchange(record.removed, true)) return;
  if (record.zygote != ZygoteState::kNone) {
    actions_.emplace_back(KillZygote{servable, "its version is served no more"});
  }
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.servable != servable) continue;
    if (slot.state == SlotState::kBackoff) {
      slot.state = SlotState::kFree;
    } else if (slot.state == SlotState::kForked || slot.state == SlotState::kReady) {
      actions_.emplace_back(KillWorker{SlotId{i}, slot.generation, DeathCause::kUnloaded});
    }
    // One that is only ordered goes with its zygote, or once it is known.
  }
  ForgetIfGone(servable);
}

void Fleet::ForgetIfGone(ServableId servable) {
  const auto record = servables_.find(servable);
  if (record == servables_.end() || !record->second.removed) return;
  if (record->second.zygote != ZygoteState::kNone) return;
  const bool runs = std::any_of(slots_.begin(), slots_.end(), [servable](const Slot& slot) {
    return slot.servable == servable && slot.state != SlotState::kFree;
  });
  if (runs) return;
  servables_.erase(record);
  actions_.emplace_back(ServableGone{servable});
}

bool Fleet::failed(ServableId servable) const {
  const auto record = servables_.find(servable);
  return record != servables_.end() && record->second.failed;
}

bool Fleet::AllReady(ServableId servable) const {
  std::size_t ready = 0;
  for (const Slot& slot : slots_) {
    if (slot.servable != servable || slot.state == SlotState::kFree || !slot.in_use) continue;
    if (slot.state != SlotState::kReady) return false;
    ++ready;
  }
  return ready > 0;
}

// --- The gateway ---

void Fleet::GatewayStarted() {
  gateway_up_ = true;
  // Its predecessor knew which servables have failed; it does not.
  for (const auto& [id, servable] : servables_) {
    if (servable.failed && !servable.removed) actions_.emplace_back(DeclareFailed{id});
  }
}

void Fleet::GatewayDied(TimePoint now) {
  // At once: clients wait in the listen queue. Only a gateway that keeps dying is slowed down.
  const bool first = gateway_policy_.RemainingBudget(now) == options_.restart.failures_max;
  const bool was_up = std::exchange(gateway_up_, false);
  const TimePoint next = gateway_policy_.Failed(now);
  gateway_not_before_ = was_up && first ? now : next;
  if (next == kNever && !std::exchange(gateway_failed_, true)) {
    all_failed_since_ = now - options_.give_up_delay;
    give_up_why_ = "the gateway keeps dying";
  }
  // Its workers' channels ended with it. They go, and fresh ones are forked for the next gateway.
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.state == SlotState::kOrdered) {
      // Its channel's other end is lost. The supervisor ends a worker of a past generation.
      EmptySlot(slot, now);
      ForgetIfGone(slot.servable);
    } else if (slot.state == SlotState::kForked || slot.state == SlotState::kReady) {
      actions_.emplace_back(KillWorker{SlotId{i}, slot.generation, DeathCause::kGatewayGone});
    }
  }
}

// --- Zygotes ---

void Fleet::ZygoteStarted(ServableId servable, TimePoint now) {
  ServableRecord& record = servables_.at(servable);
  record.zygote = ZygoteState::kLoading;
  record.zygote_of_use = false;
  record.give_up = now + options_.load_timeout;
}

void Fleet::ZygoteLoaded(ServableId servable) {
  ServableRecord& record = servables_.at(servable);
  if (record.zygote != ZygoteState::kLoading) return;
  record.zygote = ZygoteState::kLoaded;
  record.give_up = kNever;
}

void Fleet::ZygoteDied(ServableId servable, Prospect prospect, const std::string& why,
                       TimePoint now) {
  ServableRecord& record = servables_.at(servable);
  record.zygote = ZygoteState::kNone;
  record.give_up = kNever;
  // The order died with it, unless the worker had been forked: that news is drained first.
  for (Slot& slot : slots_) {
    if (slot.servable == servable && slot.state == SlotState::kOrdered) EmptySlot(slot, now);
  }
  if (record.removed) {
    ForgetIfGone(servable);
    return;
  }
  // Loading is not enough: one that dies at its first fork would be loaded again without end.
  if (record.zygote_of_use) {
    record.not_before = now;
  } else if (prospect == Prospect::kHopeless) {
    // Whoever hears of it may have something else to serve, and says so at once.
    record.not_before = SpendBudget(record, servable, why, now,
                                    now - options_.give_up_delay + options_.second_thought);
  } else {
    record.not_before = CountFailure(record, servable, why, now);
  }
}

// --- Workers ---

void Fleet::WorkerForked(SlotId id, Generation generation, TimePoint now) {
  Slot* slot = Find(id, generation);
  if (slot == nullptr || !Occupied(*slot)) {
    // Its order was given up before this news came: nobody holds the channel's other end.
    actions_.emplace_back(KillWorker{id, generation, DeathCause::kGatewayGone});
    return;
  }
  if (slot->state != SlotState::kOrdered) return;
  slot->state = SlotState::kForked;
  slot->give_up = now + options_.ready_timeout;
  if (servables_.at(slot->servable).removed) {
    actions_.emplace_back(KillWorker{id, generation, DeathCause::kUnloaded});
  }
}

void Fleet::WorkerReady(SlotId id, Generation generation) {
  Slot* slot = Find(id, generation);
  if (slot == nullptr || !Occupied(*slot)) return;
  slot->state = SlotState::kReady;
  slot->give_up = kNever;
  ServableRecord& servable = servables_.at(slot->servable);
  servable.policy.Succeeded();
  servable.first_cause.clear();
  servable.zygote_of_use = true;
  if (gateway_up_) gateway_policy_.Succeeded();
}

void Fleet::WorkerDied(SlotId id, Generation generation, DeathCause cause, TimePoint now) {
  Slot* slot = Find(id, generation);
  if (slot == nullptr || !Occupied(*slot)) return;
  if (servables_.at(slot->servable).removed) {
    EmptySlot(*slot, now);
    ForgetIfGone(slot->servable);
    return;
  }
  const bool our_doing = cause == DeathCause::kGatewayGone || cause == DeathCause::kDrained;
  if (slot->state == SlotState::kReady || our_doing) {
    const bool for_memory = cause == DeathCause::kOutOfMemory;
    EmptySlot(*slot, for_memory ? AfterMemoryDeath(*slot, now) : now);
    return;
  }
  ServableRecord& servable = servables_.at(slot->servable);
  EmptySlot(*slot,
            CountFailure(servable, slot->servable,
                         "a worker died before it was ready: " + std::string(DeathCauseWord(cause)),
                         now));
}

TimePoint Fleet::AfterMemoryDeath(const Slot& dead, TimePoint now) {
  std::deque<TimePoint>& deaths = servables_.at(dead.servable).memory_deaths;
  deaths.push_back(now);
  while (deaths.front() + options_.memory_window < now) deaths.pop_front();
  if (deaths.size() < options_.memory_deaths_max) return now;
  const auto others =
      static_cast<std::uint32_t>(std::count_if(slots_.begin(), slots_.end(), [&](const Slot& slot) {
        const bool rests = slot.state == SlotState::kBackoff && slot.not_before > now;
        return slot.servable == dead.servable && &slot != &dead && slot.in_use && !rests;
      }));
  if (others == 0) return now;  // The last one goes on trying.
  deaths.clear();
  actions_.emplace_back(ReportFewerWorkers{dead.servable, others});
  return now + options_.fewer_workers_time;
}

void Fleet::OrderFailed(SlotId id, Generation generation, TimePoint now) {
  // Whoever did not take the order is dying, and its death is on the way.
  Slot* slot = Find(id, generation);
  if (slot == nullptr || slot->state != SlotState::kOrdered) return;
  EmptySlot(*slot, now + options_.restart.first_delay);
  ForgetIfGone(slot->servable);
}

void Fleet::RecycleAsked(SlotId id, Generation generation, DeathCause cause) {
  const Slot* slot = Find(id, generation);
  if (slot == nullptr || !Occupied(*slot)) return;
  actions_.emplace_back(KillWorker{id, generation, cause});
}

void Fleet::HostSlept(Duration late) {
  const auto give_back = [late](TimePoint& until) {
    if (until != kNever) until += late;
  };
  for (auto& [id, servable] : servables_) give_back(servable.give_up);
  for (Slot& slot : slots_) give_back(slot.give_up);
}

void Fleet::LimitWorkers(ServableId servable, std::uint32_t workers) {
  std::uint32_t seen = 0;
  for (Slot& slot : slots_) {
    if (slot.servable == servable) slot.in_use = seen++ < std::max(workers, 1u);
  }
}

void Fleet::Drain() { draining_ = true; }

// --- Decisions ---

std::vector<FleetAction> Fleet::Decide(TimePoint now) {
  CheckTimeouts(now);
  if (!draining_) {
    StartMissing(now);
    CheckGiveUp(now);
  }
  return std::exchange(actions_, {});
}

void Fleet::CheckTimeouts(TimePoint now) {
  for (auto& [id, servable] : servables_) {
    if (servable.give_up > now) continue;
    servable.give_up = kNever;
    actions_.emplace_back(KillZygote{id, "it did not finish loading in time"});
  }
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.give_up > now) continue;
    slot.give_up = kNever;
    if (slot.state == SlotState::kForked) {
      actions_.emplace_back(KillWorker{SlotId{i}, slot.generation, DeathCause::kStartTimeout});
    } else if (slot.state == SlotState::kOrdered) {
      actions_.emplace_back(KillZygote{slot.servable, "it did not answer an order in time"});
    }
  }
}

void Fleet::StartMissing(TimePoint now) {
  if (!gateway_up_ && gateway_not_before_ <= now) {
    gateway_not_before_ = kNever;  // Until it dies again.
    actions_.emplace_back(StartGateway{});
  }
  for (auto& [id, servable] : servables_) {
    if (servable.zygote != ZygoteState::kNone || servable.failed || servable.removed) continue;
    if (servable.not_before > now) continue;
    servable.not_before = kNever;
    actions_.emplace_back(StartZygote{id});
  }
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.state != SlotState::kBackoff || slot.not_before > now || !slot.in_use) continue;
    const ServableRecord& servable = servables_.at(slot.servable);
    if (!gateway_up_ || servable.zygote != ZygoteState::kLoaded || servable.failed) continue;
    slot.state = SlotState::kOrdered;
    ++slot.generation.value;
    slot.give_up = now + options_.order_timeout;
    actions_.emplace_back(OrderWorker{SlotId{i}, slot.generation, slot.servable});
  }
}

void Fleet::CheckGiveUp(TimePoint now) {
  if (gave_up_ || all_failed_since_ == kNever) return;
  if (now - all_failed_since_ < options_.give_up_delay) return;
  gave_up_ = true;
  actions_.emplace_back(GiveUp{give_up_why_});
}

TimePoint Fleet::NextWake() const {
  if (!actions_.empty()) return TimePoint::min();
  TimePoint wake = kNever;
  for (const auto& [id, servable] : servables_) {
    wake = std::min(wake, servable.give_up);
    const bool may_start = !servable.failed && !servable.removed && !draining_;
    if (servable.zygote == ZygoteState::kNone && may_start) {
      wake = std::min(wake, servable.not_before);
    }
  }
  for (const Slot& slot : slots_) {
    wake = std::min(wake, slot.give_up);
    if (slot.state != SlotState::kBackoff) continue;
    const ServableRecord& servable = servables_.at(slot.servable);
    const bool can_start = slot.in_use && gateway_up_ && servable.zygote == ZygoteState::kLoaded &&
                           !servable.failed && !draining_;
    if (can_start) wake = std::min(wake, slot.not_before);
  }
  if (!gateway_up_ && !draining_) wake = std::min(wake, gateway_not_before_);
  if (all_failed_since_ != kNever && !gave_up_ && !draining_) {
    wake = std::min(wake, all_failed_since_ + options_.give_up_delay);
  }
  return wake;
}

Fleet::Slot* Fleet::Find(SlotId slot, Generation generation) {
  if (slot.value >= slots_.size() || slots_[slot.value].generation != generation) return nullptr;
  return &slots_[slot.value];
}

TimePoint Fleet::CountFailure(ServableRecord& servable, ServableId id, const std::string& why,
                              TimePoint now) {
  if (servable.first_cause.empty()) servable.first_cause = why;
  const TimePoint next = servable.policy.Failed(now);
  return next == kNever ? SpendBudget(servable, id, servable.first_cause, now, now) : next;
}

TimePoint Fleet::SpendBudget(ServableRecord& servable, ServableId id, const std::string& why,
                             TimePoint now, TimePoint since) {
  const bool serves = std::any_of(slots_.begin(), slots_.end(), [id](const Slot& slot) {
    return slot.servable == id && slot.state == SlotState::kReady;
  });
  if (serves && !servable.failed) return now + options_.restart.delay_max;
  if (std::exchange(servable.failed, true)) return kNever;
  actions_.emplace_back(DeclareFailed{id});
  if (options_.waits_for_servables) return kNever;
  const bool all = std::all_of(servables_.begin(), servables_.end(), [](const auto& other) {
    return other.second.failed || other.second.removed;
  });
  if (all && all_failed_since_ == kNever) {
    all_failed_since_ = since;
    give_up_why_ = why;
  }
  return kNever;
}

void Fleet::EmptySlot(Slot& slot, TimePoint not_before) {
  slot.state = servables_.at(slot.servable).removed ? SlotState::kFree : SlotState::kBackoff;
  slot.not_before = not_before;
  slot.give_up = kNever;
}

}  // namespace holdfast
