// SPDX-License-Identifier: Apache-2.0
#include "scheduling/scheduler.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast {

Scheduler::Scheduler(Options options)
    : options_(options), rescues_(options.rescue), second_opinions_(options.second_opinion) {}

void Scheduler::AddServable(ServableId servable, Duration service) {
  ServableRecord& record = servables_[servable];
  if (record.service.mean() == Duration::zero() && service > Duration::zero()) {
    record.service.Record(service);
  }
}

void Scheduler::RemoveServable(ServableId servable) {
  const auto holds = [servable](const auto& entry) { return entry.second.servable == servable; };
  CHECK(servables_.at(servable).queue.empty());
  CHECK(std::none_of(slots_.begin(), slots_.end(), holds));
  servables_.erase(servable);
  shares_.Forget(servable);
}

void Scheduler::SetFailed(ServableId servable, bool failed) {
  ServableRecord& record = servables_.at(servable);
  record.failed = failed;
  while (failed && !record.queue.empty()) {
    FinishWith(items_.at(*record.queue.Front()), Reason::kNoWorker);
  }
}

// --- Requests ---

Scheduler::Admission Scheduler::Enqueue(const Item& item, TimePoint now) {
  const Admission admission = Admit(item.servable, 1, item.bytes, item.deadline, now);
  if (admission.reason != Reason::kOk) return admission;
  const auto [entry, inserted] = items_.emplace(item.id, ItemRecord{.item = item});
  CHECK(inserted);
  bytes_ += item.bytes;
  Queue(entry->second);
  rescues_.CountItem(now);
  second_opinions_.CountItem(now);
  return {};
}

void Scheduler::Cancel(ItemId item) {
  // What was decided about it, and not yet given out, concerns nobody any more.
  std::erase_if(decisions_, [item](const Decision& decision) {
    const auto* refuse = std::get_if<Refuse>(&decision);
    return refuse != nullptr && refuse->item == item;
  });
  const auto entry = items_.find(item);
  if (entry == items_.end()) return;
  if (entry->second.state == ItemState::kRunning) {
    entry->second.abandoned = true;
  } else {
    Forget(item);
  }
}

// --- Workers ---

void Scheduler::WorkerStarting(SlotId slot, Generation generation, ServableId servable,
                               TimePoint now) {
  // News of the new worker may come before the old one's end-of-file: a replacement is a death.
  if (const auto old = slots_.find(slot); old != slots_.end()) {
    WorkerLost(slot, old->second.generation, false, now);
  }
  slots_[slot] = SlotRecord{.generation = generation, .servable = servable};
}

void Scheduler::WorkerReady(SlotId slot, Generation generation, TimePoint) {
  SlotRecord* record = FindSlot(slot, generation);
  if (record == nullptr || record->state != SlotState::kStarting) return;
  record->state = SlotState::kIdle;
  if (record->retire.has_value()) Condemn(slot, generation, *record->retire);
}

Scheduler::AnswerFate Scheduler::WorkerAnswered(SlotId slot, Generation generation, ItemId item,
                                                TimePoint now) {
  SlotRecord* record = FindSlot(slot, generation);
  if (record == nullptr || record->state == SlotState::kCondemned) return AnswerFate::kDiscard;
  if (record->state != SlotState::kBusy || record->item != item) {
    Condemn(slot, generation, DeathCause::kBrokeProtocol);
    return AnswerFate::kProtocol;
  }
  FreeSlot(slot, *record, now);
  const bool abandoned = items_.at(item).abandoned;
  // The item can be answered, so the answer that could not be one was its worker's doing.
  const std::optional<DeathKey> liar = items_.at(item).doubted;
  if (liar.has_value()) Retire(liar->first, liar->second, DeathCause::kInvalidOutput);
  Forget(item);
  return abandoned ? AnswerFate::kDiscard : AnswerFate::kDeliver;
}

void Scheduler::WorkerDoubted(SlotId slot, Generation generation, ItemId item, TimePoint now) {
  SlotRecord* record = FindSlot(slot, generation);
  if (record == nullptr || record->state == SlotState::kCondemned) return;
  if (record->state != SlotState::kBusy || record->item != item) {
    Condemn(slot, generation, DeathCause::kBrokeProtocol);
    return;
  }
  FreeSlot(slot, *record, now);
  ItemRecord& doubtful = items_.at(item);
  if (doubtful.abandoned) {
    Forget(item);
    return;
  }
  doubtful.state = ItemState::kAwaitingVerdict;
  const bool ask_another = !doubtful.item.one_try && !doubtful.doubted.has_value() &&
                           !servables_.at(doubtful.item.servable).failed &&
                           doubtful.dispatches < options_.dispatches_max;
  if (doubtful.item.deadline <= now) {
    FinishWith(doubtful, Reason::kDeadlineExceeded);
  } else if (!ask_another || !second_opinions_.Take(now)) {
    FinishWith(doubtful, Reason::kOutputInvalid);
  } else {
    doubtful.doubted = DeathKey{slot, generation};
    Queue(doubtful);
  }
}

void Scheduler::FreeSlot(SlotId slot, SlotRecord& record, TimePoint now) {
  if (record.measured) servables_.at(record.servable).service.Record(now - record.dispatched);
  const bool dead = early_verdicts_.contains({slot, record.generation});
  record.state = dead ? SlotState::kCondemned : SlotState::kIdle;
  record.item.reset();
  if (record.retire.has_value()) Condemn(slot, record.generation, *record.retire);
}

void Scheduler::Retire(SlotId slot, Generation generation, DeathCause cause) {
  SlotRecord* record = FindSlot(slot, generation);
  if (record == nullptr) return;
  record->retire = cause;
  if (record->state == SlotState::kIdle) Condemn(slot, generation, cause);
}

void Scheduler::Condemn(SlotId slot, Generation generation, DeathCause cause) {
  SlotRecord* record = FindSlot(slot, generation);
  if (record == nullptr || record->state == SlotState::kCondemned) return;
  record->state = SlotState::kCondemned;
  const auto [early, unknown] = early_verdicts_.try_emplace({slot, generation}, cause);
  // What is known to be dead did not hang; what it said before is its own doing.
  if (!unknown && cause == DeathCause::kHung) cause = early->second;
  early->second = cause;
  decisions_.emplace_back(Recycle{slot, generation, cause});
}

void Scheduler::WorkerLost(SlotId slot, Generation generation, bool begun, TimePoint now) {
  SlotRecord* found = FindSlot(slot, generation);
  if (found == nullptr) return;
  const std::optional<ItemId> item = found->item;
  slots_.erase(slot);
  const DeathKey key{slot, generation};
  const auto early = early_verdicts_.extract(key);
  if (!item.has_value()) return;

  ItemRecord& record = items_.at(*item);
  if (record.abandoned) {
    Forget(*item);
    return;
  }
  if (!begun) {
    --record.attempts;
  } else if (!early.empty()) {
    Explain(record, early.mapped());
  } else {
    ++record.unexplained;
    pending_[key] = PendingVerdict{*item, now + options_.verdict_timeout};
  }
  record.state = ItemState::kAwaitingVerdict;
  Settle(record, slot, now);
}

void Scheduler::Verdict(SlotId slot, Generation generation, DeathCause cause, TimePoint now) {
  const DeathKey key{slot, generation};
  const auto pending = pending_.extract(key);
  if (pending.empty()) {
    // The end-of-file is still to be read. Our own reason for a Recycle stands.
    SlotRecord* record = FindSlot(slot, generation);
    if (record == nullptr) return;
    early_verdicts_.try_emplace(key, cause);
    // It is dead. Only an answer that it gave before may still come, and only if it was busy.
    if (record->state != SlotState::kBusy) record->state = SlotState::kCondemned;
    return;
  }
  const auto entry = items_.find(pending.mapped().item);
  if (entry == items_.end()) return;
  ItemRecord& item = entry->second;
  if (pending.mapped().give_up != kNever) --item.unexplained;
  Explain(item, cause);
  if (item.state == ItemState::kAwaitingVerdict) {
    Settle(item, slot, now);
  } else if (item.state == ItemState::kQueued && item.own_deaths >= DeathsMax(item)) {
    FinishWith(item, BlameOf(item));  // It has been queued again for want of this word.
  }
}

void Scheduler::HostSlept(Duration late) {
  for (auto& [slot, record] : slots_) {
    if (record.state != SlotState::kBusy) continue;
    record.hung_at += late;
    record.overdue_at += late;
    record.measured = false;  // Its time is not the worker's.
  }
  for (auto& [key, pending] : pending_) {
    if (pending.give_up != kNever) pending.give_up += late;
  }
}

void Scheduler::Explain(ItemRecord& record, DeathCause cause) {
  if (!IsItemsOwn(cause)) return;
  ++record.own_deaths;
  if (cause == DeathCause::kInvalidOutput) ++record.invalid_outputs;
}

Reason Scheduler::BlameOf(const ItemRecord& record) {
  return record.invalid_outputs == record.own_deaths ? Reason::kOutputInvalid
                                                     : Reason::kRequestCrashedWorker;
}

// Queues an item again, unless it has spent its chances or a verdict could still say so.
void Scheduler::Settle(ItemRecord& record, SlotId from, TimePoint now) {
  if (record.own_deaths >= DeathsMax(record)) {
    FinishWith(record, BlameOf(record));
  } else if (record.own_deaths + record.unexplained < DeathsMax(record)) {
    Requeue(record, from, now);
  }
}

void Scheduler::Requeue(ItemRecord& record, SlotId from, TimePoint now) {
  if (record.item.deadline <= now) {
    FinishWith(record, Reason::kDeadlineExceeded);
  } else if (servables_.at(record.item.servable).failed || record.item.one_try ||
             record.dispatches >= options_.dispatches_max) {
    FinishWith(record, Reason::kNoWorker);
  } else if (!rescues_.Take(now)) {
    FinishWith(record, Reason::kOverloaded);
  } else {
    Queue(record);
    decisions_.emplace_back(Rescued{record.item.id, from});
  }
}

void Scheduler::Queue(ItemRecord& record) {
  record.state = ItemState::kQueued;
  ItemQueue& queue = servables_.at(record.item.servable).queue;
  if (queue.empty()) shares_.Arrive(record.item.servable);
  queue.Push(record.item.id, record.item.deadline);
}

void Scheduler::FinishWith(ItemRecord& record, Reason reason) {
  decisions_.emplace_back(Refuse{record.item.id, reason, record.attempts});
  if (record.state == ItemState::kRunning) {
    record.abandoned = true;  // Its worker goes on; nobody waits for the answer.
  } else {
    Forget(record.item.id);
  }
}

void Scheduler::Forget(ItemId item) {
  const auto entry = items_.find(item);
  const ItemRecord& record = entry->second;
  if (record.state == ItemState::kQueued) {
    servables_.at(record.item.servable).queue.Remove(item, record.item.deadline);
  }
  bytes_ -= record.item.bytes;
  items_.erase(entry);
}

// --- Decisions ---

std::vector<Decision> Scheduler::Decide(TimePoint now) {
  RefuseExpired(now);
  GiveUpOnVerdicts(now);
  RecycleHung(now);
  NoteOverdue(now);
  DispatchRipe(now);
  return std::exchange(decisions_, {});
}

void Scheduler::RefuseExpired(TimePoint now) {
  for (auto& [id, servable] : servables_) {
    while (!servable.queue.empty() && servable.queue.FrontDeadline() <= now) {
      FinishWith(items_.at(*servable.queue.Front()), Reason::kDeadlineExceeded);
    }
  }
  const auto refuse_if_late = [&](ItemId item) {
    const auto entry = items_.find(item);
    if (entry == items_.end() || entry->second.abandoned) return;
    if (entry->second.item.deadline <= now) FinishWith(entry->second, Reason::kDeadlineExceeded);
  };
  for (const auto& [slot, record] : slots_) {
    if (record.item.has_value()) refuse_if_late(*record.item);
  }
  for (const auto& [key, pending] : pending_) refuse_if_late(pending.item);
}

// Nobody could say, perhaps because the supervisor itself gets no time. That must not make an item
// guilty: it is tried again, within its dispatches and its deadline.
void Scheduler::GiveUpOnVerdicts(TimePoint now) {
  std::erase_if(pending_,
                [this](const auto& entry) { return !items_.contains(entry.second.item); });
  for (auto& [key, pending] : pending_) {
    if (pending.give_up > now) continue;
    pending.give_up = kNever;
    const auto item = items_.find(pending.item);
    if (item == items_.end()) continue;  // Another of its deaths has just ended it.
    --item->second.unexplained;
    if (item->second.state == ItemState::kAwaitingVerdict) Settle(item->second, key.first, now);
  }
}

void Scheduler::RecycleHung(TimePoint now) {
  for (const auto& [slot, record] : slots_) {
    if (record.state == SlotState::kBusy && record.hung_at <= now) {
      Condemn(slot, record.generation, DeathCause::kHung);
    }
  }
}

void Scheduler::NoteOverdue(TimePoint now) {
  for (auto& [slot, record] : slots_) {
    if (record.state == SlotState::kBusy && record.overdue_at <= now) record.overdue = true;
  }
}

void Scheduler::DispatchRipe(TimePoint now) {
  std::vector<ServableId> turns;
  for (const auto& [id, servable] : servables_) {
    if (!servable.queue.empty()) turns.push_back(id);
  }
  while (PlacesLeft() > 0) {
    std::ranges::stable_sort(turns, [this](auto a, auto b) { return shares_.Before(a, b); });
    if (std::ranges::none_of(turns, [&](ServableId id) { return DispatchOneOf(id, now); })) return;
  }
}

bool Scheduler::DispatchOneOf(ServableId servable, TimePoint now) {
  for (auto& [slot, record] : slots_) {
    if (record.servable != servable || record.state != SlotState::kIdle) continue;
    const std::optional<ItemId> next = NextFor(slot, record, now);
    if (!next.has_value()) continue;  // Perhaps it only leaves it to another.
    DispatchTo(slot, record, *next, now);
    return true;
  }
  return false;
}

// Takes the item that the idle `slot` should run from the queue, if there is one.
std::optional<ItemId> Scheduler::NextFor(SlotId slot, const SlotRecord& record, TimePoint now) {
  ServableRecord& servable = servables_.at(record.servable);
  const std::size_t free = CountSlots(record.servable).free;
  while (!servable.queue.empty()) {
    const ItemId next = *servable.queue.Front();
    ItemRecord& item = items_.at(next);
    if (ShouldLeave(slot, record, item)) return std::nullopt;
    // What cannot be done in time any more only delays the others, where others have to wait.
    if (servable.queue.size() > free && now + servable.service.mean() > item.item.deadline) {
      FinishWith(item, Reason::kDeadlineExceeded);
      continue;
    }
    servable.queue.Remove(next, item.item.deadline);
    return next;
  }
  return std::nullopt;
}

void Scheduler::DispatchTo(SlotId slot, SlotRecord& record, ItemId next, TimePoint now) {
  ItemRecord& item = items_.at(next);
  item.state = ItemState::kRunning;
  ++item.dispatches;
  ++item.attempts;
  record.state = SlotState::kBusy;
  record.item = next;
  record.dispatched = now;
  record.measured = true;
  const ServiceTime& service = servables_.at(record.servable).service;
  record.hung_at = now + service.HangLimit(options_.hang_floor);
  record.overdue_at = now + service.OverdueLimit();
  record.overdue = false;
  shares_.Charge(record.servable, service.mean());
  decisions_.emplace_back(Dispatch{next, slot, record.generation, item.attempts});
}

bool Scheduler::ShouldLeave(SlotId slot, const SlotRecord& record, const ItemRecord& item) const {
  if (item.doubted != DeathKey{slot, record.generation}) return false;
  return std::ranges::any_of(slots_, [&](const auto& entry) {
    return entry.first != slot && entry.second.servable == record.servable &&
           entry.second.state != SlotState::kCondemned;
  });
}

TimePoint Scheduler::NextWake() const {
  if (!decisions_.empty()) return TimePoint::min();
  TimePoint wake = kNever;
  for (const auto& [id, servable] : servables_) {
    wake = std::min(wake, servable.queue.FrontDeadline());
  }
  for (const auto& [slot, record] : slots_) {
    if (record.state == SlotState::kBusy) wake = std::min(wake, record.hung_at);
    if (record.state == SlotState::kBusy && Shares() && !record.overdue) {
      wake = std::min(wake, record.overdue_at);
    }
    if (!record.item.has_value()) continue;
    const ItemRecord& item = items_.at(*record.item);
    if (!item.abandoned) wake = std::min(wake, item.item.deadline);
  }
  for (const auto& [key, pending] : pending_) {
    wake = std::min(wake, pending.give_up);
    if (const auto entry = items_.find(pending.item);
        entry != items_.end() && !entry->second.abandoned) {
      wake = std::min(wake, entry->second.item.deadline);
    }
  }
  return wake;
}

Scheduler::SlotRecord* Scheduler::FindSlot(SlotId slot, Generation generation) {
  const auto entry = slots_.find(slot);
  if (entry == slots_.end() || entry->second.generation != generation) return nullptr;
  return &entry->second;
}

std::uint32_t Scheduler::AttemptsOf(ItemId item) const {
  const auto entry = items_.find(item);
  return entry == items_.end() ? 0 : entry->second.attempts;
}

std::size_t Scheduler::queued() const {
  std::size_t count = 0;
  for (const auto& [id, servable] : servables_) count += servable.queue.size();
  return count;
}

std::size_t Scheduler::running() const {
  return static_cast<std::size_t>(
      std::count_if(slots_.begin(), slots_.end(),
                    [](const auto& entry) { return entry.second.item.has_value(); }));
}

std::size_t Scheduler::ReadyWorkers(ServableId servable) const {
  const Backlog backlog = CountSlots(servable);
  return backlog.busy + backlog.idle;
}

Duration Scheduler::ServiceMean(ServableId servable) const {
  return servables_.at(servable).service.mean();
}

}  // namespace holdfast
