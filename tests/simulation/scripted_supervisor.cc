// SPDX-License-Identifier: Apache-2.0
#include "simulation/scripted_supervisor.h"

#include <utility>

namespace holdfast::simulation {

using std::chrono::microseconds;
using std::chrono::milliseconds;

ScriptedSupervisor::ScriptedSupervisor(Agenda& agenda, Random& random, Machine& machine,
                                       Options options)
    : agenda_(agenda), random_(random), machine_(machine), options_(std::move(options)) {}

void ScriptedSupervisor::Start() {
  workers_.resize(options_.slots.size());
  for (std::uint32_t i = 0; i < options_.slots.size(); ++i) Spawn({i}, {1});
}

void ScriptedSupervisor::Spawn(SlotId slot, Generation generation) {
  const WorkerRef worker = machine_.Order(slot, generation, options_.slots[slot.value]);
  worker->unexplained = random_.Chance(options_.verdict_lost + options_.verdict_late);
  workers_[slot.value] = worker;
  machine_.Fork(worker);
  // One channel for all: what goes in first comes out first.
  to_give_.push_back(worker);
  agenda_.In(random_.Between(microseconds(10), milliseconds(3)), [this] {
    const WorkerRef next = to_give_.front();
    to_give_.pop_front();
    give_worker(next);
  });
  agenda_.In(options_.ready_timeout, [=, this] {
    if (worker->stuck && !worker->begun.has_value()) {
      machine_.Kill(worker, DeathCause::kStartTimeout);
    }
  });
}

void ScriptedSupervisor::Recycle(SlotId slot, Generation generation, DeathCause cause) {
  const WorkerRef worker = workers_[slot.value];
  if (worker->generation != generation) return;
  agenda_.In(random_.Between(microseconds(10), milliseconds(2)),
             [=, this] { machine_.Kill(worker, cause); });
}

void ScriptedSupervisor::WorkerExited(const WorkerRef& worker) {
  const auto tell = [=, this] { tell_verdict(worker->slot, worker->generation, worker->cause); };
  if (worker->unexplained) {
    if (random_.Chance(0.5))
      agenda_.In(random_.Between(milliseconds(900), milliseconds(3000)), tell);
  } else {
    agenda_.In(random_.Between(microseconds(10), milliseconds(30)), tell);
  }
  Duration pause = random_.Between(microseconds(100), options_.respawn);
  if (random_.Chance(options_.respawn_slow)) pause *= 50;
  agenda_.In(pause, [=, this] { Spawn(worker->slot, {worker->generation.value + 1}); });
}

}  // namespace holdfast::simulation
