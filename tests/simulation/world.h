// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "scheduling/scheduler.h"
#include "simulation/clients.h"
#include "simulation/machine.h"
#include "simulation/supervisor_shell.h"
#include "simulation/worlds.h"

namespace holdfast::simulation {

// What every world has: time, chance, and a book of what broke.
struct World {
  World(std::uint64_t seed, Telling telling)
      : random(seed), findings(agenda, telling == Telling::kVerbose), ledger(findings) {}

  // Calls `act` at random times, `gap` apart on average, until `end`.
  void Repeat(Duration gap, TimePoint end, const std::function<void()>& act);
  // In a part of all worlds, that is.
  void MayRepeat(double chance, Duration gap, TimePoint end, const std::function<void()>& act);
  Outcome Finish(std::uint64_t decide_calls);

  Agenda agenda;
  Random random;
  Findings findings;
  Ledger ledger;
};

// Half of all worlds do not have a given fault; the others have it at a rate of their own.
double DrawRate(Random& random, double most);
Machine::Faults DrawFaults(Random& random);
Machine::Options DrawMachine(Random& random, std::size_t servables);
Scheduler::Options DrawScheduler(Random& random);
// `load`: of what `workers` can do.
Clients::Options DrawClients(Random& random, const std::vector<Duration>& service, double load,
                             std::size_t workers);
SupervisorShell::Options DrawFleet(Random& random, std::uint64_t seed);

// Whatever the clients asked for has been answered by then.
Duration LongestWait(const Clients::Options& asking);
// Kills what runs, until `end`.
void Haunt(World& world, SupervisorShell& supervisor, Machine& machine, Duration length,
           TimePoint end);
// The faults stop, and all that should run has a minute to come back.
void Heal(World& world, SupervisorShell& supervisor, Machine& machine);
// All ends, and nothing is left.
void EndWorld(World& world, SupervisorShell& supervisor);

}  // namespace holdfast::simulation
