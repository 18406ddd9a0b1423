// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "simulation/agenda.h"
#include "simulation/machine.h"
#include "simulation/random.h"

namespace holdfast::simulation {

// Replaces workers without a policy, and tells the gateway about it in any order: verdicts early,
// late or never, successors before the end-of-file.
class ScriptedSupervisor {
 public:
  struct Options {
    std::vector<ServableId> slots;  // The servable of each.
    double verdict_lost = 0;
    double verdict_late = 0;  // Later than the gateway waits.
    Duration respawn = std::chrono::milliseconds(10);
    double respawn_slow = 0;
    Duration ready_timeout = std::chrono::milliseconds(300);
  };
  ScriptedSupervisor(Agenda& agenda, Random& random, Machine& machine, Options options);

  std::function<void(const WorkerRef&)> give_worker;
  std::function<void(SlotId, Generation, DeathCause)> tell_verdict;

  void Start();
  void Recycle(SlotId slot, Generation generation, DeathCause cause);
  void WorkerExited(const WorkerRef& worker);
  void StopFaults() { options_.verdict_lost = options_.verdict_late = options_.respawn_slow = 0; }

 private:
  void Spawn(SlotId slot, Generation generation);

  Agenda& agenda_;
  Random& random_;
  Machine& machine_;
  Options options_;
  std::vector<WorkerRef> workers_;
  std::deque<WorkerRef> to_give_;
};

}  // namespace holdfast::simulation
