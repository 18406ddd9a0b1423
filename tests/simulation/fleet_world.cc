// SPDX-License-Identifier: Apache-2.0
#include "simulation/world.h"

namespace holdfast::simulation {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

Outcome RunFleetWorld(std::uint64_t seed, Telling telling) {
  World world(seed, telling);
  Random& random = world.random;
  Agenda& agenda = world.agenda;
  Machine machine(agenda, random, world.findings, {.faults = DrawFaults(random)});
  SupervisorShell supervisor(agenda, random, world.findings, machine, DrawFleet(random, seed));
  // A gateway that has no requests: it takes workers, and says which are ready.
  supervisor.give_worker = [&](const WorkerRef& worker) { machine.GiveChannel(worker); };
  machine.on_exit = [&](const WorkerRef& worker) { supervisor.WorkerExited(worker); };
  machine.on_news = [&](const WorkerRef& worker, News news, ItemId) {
    if (news != News::kReady) return;
    const std::uint32_t life = supervisor.gateway_life();
    agenda.In(random.Between(microseconds(10), milliseconds(2)), [&, worker, life] {
      if (supervisor.gateway_is_up() && supervisor.gateway_life() == life) {
        supervisor.WorkerReady(worker->slot, worker->generation);
      }
    });
  };

  const Duration length = random.Between(seconds(5), seconds(60));
  const TimePoint end = agenda.now() + length;
  Haunt(world, supervisor, machine, length, end);
  world.MayRepeat(0.3, length / 4, end, [&] {
    const WorkerRef worker = machine.AnyAlive();
    if (worker == nullptr) return;
    const Generation generation{worker->generation.value - random.Below(2)};
    supervisor.RecycleAsked(worker->slot, generation, DeathCause::kHung);
  });
  world.MayRepeat(0.3, length / 3, end, [&] {
    const Duration nap = random.Between(milliseconds(1), milliseconds(8000));
    agenda.Freeze(nap);
    supervisor.Wake(nap);
  });
  supervisor.Start();
  if (random.Chance(0.5)) {
    agenda.RunUntil(end);
    Heal(world, supervisor, machine);
  } else {
    agenda.RunUntil(agenda.now() + random.Between(Duration(0), length));
  }
  EndWorld(world, supervisor);
  Outcome outcome = world.Finish(supervisor.decide_calls());
  outcome.gave_up = supervisor.gave_up() ? 1 : 0;
  return outcome;
}

}  // namespace holdfast::simulation
