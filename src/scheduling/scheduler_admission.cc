// SPDX-License-Identifier: Apache-2.0
// Whether one more item could be answered in time: what is ahead of it, and how many places at once
// its servable can count on.
#include <algorithm>

#include "scheduling/scheduler.h"

namespace holdfast {

Scheduler::Admission Scheduler::Admit(ServableId servable, std::size_t items, std::size_t bytes,
                                      TimePoint deadline, TimePoint now) const {
  const ServableRecord& record = servables_.at(servable);
  const Backlog slots = CountSlots(servable);
  const double workers = PlacesFor(servable, slots);
  // A running item is half done on average.
  const double ahead = static_cast<double>(record.queue.size()) +
                       0.5 * static_cast<double>(slots.busy) + static_cast<double>(items) - 1.0;
  const auto mean = std::chrono::duration<double, Duration::period>(record.service.mean());
  const auto wait = std::chrono::duration_cast<Duration>(mean * (ahead / workers));

  if (record.failed) return {Reason::kNoWorker, std::chrono::seconds(5)};
  if (now >= deadline) return {Reason::kDeadlineExceeded};
  if (items_.size() + items > options_.items_max || bytes_ + bytes > options_.bytes_max) {
    return {Reason::kOverloaded, wait};
  }
  // With a worker free, trying costs nobody anything, and it keeps the estimate fresh.
  if (slots.free >= record.queue.size() + items) return {};
  const auto finish = std::chrono::duration_cast<Duration>(options_.margin * (wait + mean));
  if (now + finish > deadline) return {Reason::kOverloaded, wait};
  return {};
}

Scheduler::Backlog Scheduler::CountSlots(ServableId servable) const {
  Backlog backlog;
  for (const auto& [slot, record] : slots_) {
    if (record.servable != servable) continue;
    ++backlog.workers;
    backlog.busy += record.state == SlotState::kBusy ? 1 : 0;
    backlog.idle += record.state == SlotState::kIdle ? 1 : 0;
  }
  backlog.free = std::min(backlog.idle, PlacesLeft());
  return backlog;
}

// A worker that is to go, or is overdue, holds no place: it may never answer.
std::size_t Scheduler::PlacesLeft() const {
  if (!Shares()) return slots_.size();
  const auto busy = static_cast<std::size_t>(std::ranges::count_if(slots_, [](const auto& entry) {
    return entry.second.state == SlotState::kBusy && !entry.second.overdue;
  }));
  return options_.running_max - std::min(busy, options_.running_max);
}

double Scheduler::PlacesFor(ServableId servable, const Backlog& slots) const {
  const auto workers = static_cast<double>(std::max<std::size_t>(slots.workers, 1));
  if (!Shares()) return workers;
  // Others that have a queue take what they are due; those without one keep what they run.
  const auto has_queue = [this](ServableId id) { return !servables_.at(id).queue.empty(); };
  const auto sharers = 1 + std::ranges::count_if(servables_, [&](const auto& entry) {
                         return entry.first != servable && has_queue(entry.first);
                       });
  const auto taken = std::ranges::count_if(slots_, [&](const auto& entry) {
    const SlotRecord& slot = entry.second;
    return slot.state == SlotState::kBusy && slot.servable != servable && !has_queue(slot.servable);
  });
  const auto places = static_cast<double>(options_.running_max);
  const double least = places / static_cast<double>(servables_.size());
  return std::min(workers, std::max(least, (places - static_cast<double>(taken)) /
                                               static_cast<double>(sharers)));
}

}  // namespace holdfast
