// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <random>
#include <vector>

#include "gateway/inference_service.h"

namespace holdfast {

void InferenceService::WorkerForked(SlotId slot, Generation generation, std::uint64_t pid) {
  if (pool_.GenerationOf(slot) == generation) pids_[slot] = pid;
}

// An item that has lost a worker already would be blamed for a second one: it is refused as a
// crasher, and its image quarantined. A drill must not do that to an innocent.
bool InferenceService::RunsARescuedItem(SlotId slot) const {
  const auto running = running_.find(slot);
  return running != running_.end() && scheduler_.AttemptsOf(running->second.item) > 1;
}

// A worker that has been ready, is known to the supervisor, and has something to lose: it runs an
// item, or is the first in line for the next one of the servable that was asked last.
std::optional<SlotId> InferenceService::DrillVictim() {
  std::vector<SlotId> candidates;
  bool spared = false;
  for (const SlotId slot : ready_slots_) {
    if (!pool_.Has(slot) || !pids_.contains(slot) || garbled_.contains(slot)) continue;
    const bool rescued = RunsARescuedItem(slot);
    spared = spared || rescued;
    if (!rescued) candidates.push_back(slot);
  }
  std::vector<SlotId> busy;
  std::ranges::copy_if(candidates, std::back_inserter(busy),
                       [this](SlotId slot) { return running_.contains(slot); });
  if (!busy.empty()) {
    return busy[std::uniform_int_distribution<std::size_t>(0, busy.size() - 1)(random_)];
  }
  // Else the fault would go to one that may stay idle, because the one with work is spared.
  if (candidates.empty() || spared) return std::nullopt;
  const auto next = std::ranges::find_if(
      candidates, [this](SlotId slot) { return slot_servables_.at(slot) == last_asked_; });
  return next == candidates.end() ? candidates.front() : *next;
}

Result<DrilledWorker> InferenceService::Drill(DrillFault fault) {
  const std::optional<SlotId> victim = DrillVictim();
  if (!victim) return Error{Reason::kNoWorker, "no worker can be drilled just now"};
  const SlotId slot = *victim;
  const Generation generation = *pool_.GenerationOf(slot);
  const DrilledWorker worker{.model = ModelName(slot_servables_.at(slot)),
                             .slot = slot,
                             .generation = generation,
                             .pid = pids_.at(slot)};
  log_.Warning("drill", {{"fault", DrillFaultWord(fault)},
                         {"model", worker.model},
                         {"slot", slot.value},
                         {"generation", generation.value},
                         {"pid", worker.pid}});
  metrics_.Drilled(fault);
  if (fault == DrillFault::kGarbage) {
    garbled_.insert(slot);
  } else {
    tell_({.kind = MessageKind::kInject,
           .slot = slot,
           .generation = generation,
           .code = static_cast<std::uint32_t>(fault)});
  }
  return worker;
}

// Garbles one word of an answer, as a stray write of the worker would have: behind the boundary,
// before the check that has to notice it.
void InferenceService::GarbleIfOrdered(SlotId slot, Result<WorkerAnswer>& answer) {
  if (RunsARescuedItem(slot) || garbled_.erase(slot) == 0 || !answer) return;
  if (answer->scores.empty()) {
    ++answer->item.value;
  } else {
    answer->scores.front() = std::numeric_limits<float>::quiet_NaN();
  }
}

}  // namespace holdfast
