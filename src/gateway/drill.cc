// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <random>
#include <vector>

#include "gateway/inference_service.h"

namespace holdfast {

void InferenceService::WorkerForked(SlotId slot, Generation generation, std::uint64_t pid) {
  if (pool_.GenerationOf(slot) == generation) pids_[slot] = pid;
}

// Any worker that could have been the victim of an accident: it has been ready, and it is known to
// the supervisor.
Result<DrilledWorker> InferenceService::Drill(DrillFault fault) {
  std::vector<SlotId> candidates;
  for (const SlotId slot : ready_slots_) {
    if (pool_.Has(slot) && pids_.contains(slot) && !garbled_.contains(slot)) {
      candidates.push_back(slot);
    }
  }
  if (candidates.empty()) return Error{Reason::kNoWorker, "no worker is ready to be drilled"};
  const SlotId slot =
      candidates[std::uniform_int_distribution<std::size_t>(0, candidates.size() - 1)(random_)];
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
  if (garbled_.erase(slot) == 0 || !answer) return;
  if (answer->scores.empty()) {
    ++answer->item.value;
  } else {
    answer->scores.front() = std::numeric_limits<float>::quiet_NaN();
  }
}

}  // namespace holdfast
