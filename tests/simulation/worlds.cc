// SPDX-License-Identifier: Apache-2.0
#include "simulation/worlds.h"

#include <algorithm>
#include <memory>

#include "simulation/clients.h"
#include "simulation/gateway_shell.h"
#include "simulation/scripted_supervisor.h"
#include "simulation/supervisor_shell.h"

namespace holdfast::simulation {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Half of all worlds do not have a given fault; the others have it at a rate of their own.
double Rate(Random& random, double most) {
  return random.Chance(0.5) ? 0.0 : random.Across(most / 100, most);
}

Machine::Faults DrawFaults(Random& random) {
  return {.crash = Rate(random, 0.05),
          .hang = Rate(random, 0.02),
          .garbage = Rate(random, 0.03),
          .wrong_item = Rate(random, 0.02),
          .answer_twice = Rate(random, 0.02),
          .die_at_start = Rate(random, 0.3),
          .never_ready = Rate(random, 0.2),
          .end_of_file_lost = Rate(random, 0.2)};
}

Machine::Options DrawMachine(Random& random, std::size_t servables) {
  Machine::Options options{.faults = DrawFaults(random)};
  for (std::size_t i = 0; i < servables; ++i) {
    options.service.push_back(Random::Times(milliseconds(1), random.Across(0.5, 150.0)));
  }
  options.spread = random.Between(0.0, 0.9);
  options.slow_chance = Rate(random, 0.1);
  options.slow_factor = 6;
  return options;
}

Scheduler::Options DrawScheduler(Random& random) {
  Scheduler::Options options;
  options.items_max = 1 + random.Below(random.Chance(0.5) ? 8 : 256);
  options.bytes_max = random.Chance(0.3) ? 4000 : 1'000'000;
  options.rescue.burst = random.Chance(0.3) ? random.Below(4) : 20;
  return options;
}

// `load`: of what `workers` can do.
Clients::Options DrawClients(Random& random, const std::vector<Duration>& service, double load,
                             std::size_t workers) {
  Clients::Options options{.service = service};
  Duration mean{0};
  for (const Duration each : service) mean += each / static_cast<Duration::rep>(service.size());
  options.items_max = random.Chance(0.3) ? 4 : 1;
  const double per_request = (1.0 + options.items_max) / 2.0;
  options.gap = Random::Times(mean, per_request / (load * static_cast<double>(workers)));
  options.burst = Rate(random, 0.5);
  options.deadline_low = random.Across(1.0, 20.0);
  options.deadline_high = options.deadline_low * random.Across(1.0, 100.0);
  options.bytes_max = 1000;
  options.crashes = Rate(random, 0.03);
  options.hangs = Rate(random, 0.01);
  options.garbage = Rate(random, 0.03);
  options.leaves = Rate(random, 0.3);
  return options;
}

// What every world has: time, chance, and a book of what broke.
struct World {
  World(std::uint64_t seed, Telling telling)
      : random(seed), findings(agenda, telling == Telling::kVerbose), ledger(findings) {}

  // Calls `act` at random times, `gap` apart on average, until `end`.
  void Repeat(Duration gap, TimePoint end, const std::function<void()>& act) {
    agenda.In(random.Exponential(gap), [=, this] {
      if (agenda.now() >= end) return;
      act();
      Repeat(gap, end, act);
    });
  }

  Outcome Finish(std::uint64_t decide_calls) {
    // Each event may cause a needless call, a last one that says nothing, and one a decision.
    findings.Require(decide_calls <= 4 * agenda.events() + 100, "{} Decide() calls for {} events",
                     decide_calls, agenda.events());
    Outcome outcome{.broken = findings.broken(), .events = agenda.events()};
    outcome.decide_calls = decide_calls;
    outcome.items = ledger.size();
    outcome.answered = ledger.Count(Fate::kAnswered);
    outcome.refused = ledger.Count(Fate::kRefused);
    outcome.shed = ledger.Count(Fate::kShed);
    return outcome;
  }

  Agenda agenda;
  Random random;
  Findings findings;
  Ledger ledger;
};

}  // namespace

Outcome RunGatewayWorld(std::uint64_t seed, Telling telling) {
  World world(seed, telling);
  Random& random = world.random;
  Agenda& agenda = world.agenda;
  const std::size_t servables = 1 + random.Below(3);
  const std::size_t slots = servables + random.Below(6);
  Machine::Options machine_options = DrawMachine(random, servables);
  const std::vector<Duration> service = machine_options.service;
  Machine machine(agenda, random, world.findings, machine_options);

  ScriptedSupervisor::Options script;
  for (std::uint32_t i = 0; i < slots; ++i) {
    script.slots.push_back({i % static_cast<std::uint32_t>(servables)});
  }
  script.verdict_lost = Rate(random, 0.2);
  script.verdict_late = Rate(random, 0.2);
  script.respawn_slow = Rate(random, 0.3);
  ScriptedSupervisor supervisor(agenda, random, machine, script);

  const Scheduler::Options scheduler_options = DrawScheduler(random);
  const auto gateway = std::make_shared<GatewayShell>(
      agenda, random, world.findings, machine, world.ledger, scheduler_options,
      GatewayShell::Habits{.reads_the_replaced = random.Chance(0.7)});
  for (std::uint32_t i = 0; i < servables; ++i) {
    gateway->AddServable({i}, Random::Times(service[i], random.Across(0.5, 4.0)));
  }
  gateway->ask_recycle = [&](SlotId slot, Generation generation, DeathCause cause) {
    supervisor.Recycle(slot, generation, cause);
  };
  gateway->tell_ready = [](SlotId, Generation) {};
  machine.on_news = [&](const WorkerRef& worker, News news, ItemId item) {
    gateway->TakeNews(worker, news, item);
  };
  machine.on_exit = [&](const WorkerRef& worker) { supervisor.WorkerExited(worker); };
  supervisor.give_worker = [&](const WorkerRef& worker) { gateway->TakeWorker(worker); };
  supervisor.tell_verdict = [&](SlotId slot, Generation generation, DeathCause cause) {
    gateway->TakeVerdict(slot, generation, cause);
  };

  const Clients::Options asking = DrawClients(random, service, random.Across(0.05, 5.0), slots);
  Clients clients(agenda, random, world.ledger, asking);
  clients.offer = [&](const std::vector<ItemId>& request) { gateway->Offer(request); };
  clients.leave = [&](ItemId item) { gateway->ClientLeft(item); };

  const TimePoint end =
      agenda.now() + asking.gap * random.Between(Duration(100), Duration(400)).count();
  const Duration length = end - agenda.now();
  if (random.Chance(0.5)) {
    world.Repeat(length / 20, end, [&] {
      if (const WorkerRef worker = machine.AnyAlive()) {
        machine.Kill(worker, DeathCause::kKilledFromOutside);
      }
    });
  }
  if (random.Chance(0.3)) {
    world.Repeat(length / 3, end, [&] {
      for (const WorkerRef& worker : machine.AllAlive()) {
        machine.Kill(worker, DeathCause::kKilledFromOutside);
      }
    });
  }
  if (random.Chance(0.3)) {
    world.Repeat(length / 10, end, [&] {
      if (const WorkerRef worker = machine.AnyAlive()) machine.Freeze(worker);
    });
  }
  if (random.Chance(0.2)) {
    world.Repeat(length / 3, end, [&] {
      const ServableId servable{random.Below(static_cast<std::uint32_t>(servables))};
      gateway->SetFailed(servable, random.Chance(0.5));
    });
  }
  if (random.Chance(0.3)) {
    world.Repeat(length / 2, end, [&] {
      const Duration nap = random.Between(milliseconds(1), milliseconds(4000));
      world.findings.Tell("the host sleeps for {} ms", Milliseconds(nap));
      agenda.Freeze(nap);
      gateway->Wake(nap);
    });
  }
  supervisor.Start();
  clients.Run(end);
  agenda.RunUntil(end);
  // The drain: no new requests, no new faults. What was admitted ends by its deadline.
  machine.StopFaults();
  supervisor.StopFaults();
  agenda.RunUntil(
      agenda.now() + asking.deadline_least + seconds(60) +
      Random::Times(*std::max_element(service.begin(), service.end()), asking.deadline_high));
  world.findings.Require(world.ledger.live() == 0, "{} items never end", world.ledger.live());
  gateway->RequireEmpty();
  gateway->Die();
  Outcome outcome = world.Finish(gateway->decide_calls());
  outcome.rescued = gateway->rescues();
  return outcome;
}

namespace {

SupervisorShell::Options DrawFleet(Random& random, std::uint64_t seed) {
  SupervisorShell::Options options;
  options.fleet.seed = seed;
  options.fleet.load_timeout = seconds(3);
  const std::size_t servables = 1 + random.Below(3);
  for (std::size_t i = 0; i < servables; ++i) options.workers.push_back(1 + random.Below(4));
  options.load = Random::Times(milliseconds(1), random.Across(5.0, 1500.0));
  options.faults = {.gateway_dies_at_start = Rate(random, 0.3),
                    .zygote_dies_loading = Rate(random, 0.4),
                    .zygote_hangs_loading = Rate(random, 0.2),
                    .zygote_hopeless = Rate(random, 0.1),
                    .zygote_dies_at_fork = Rate(random, 0.2),
                    .zygote_hangs_at_fork = Rate(random, 0.1),
                    .order_fails = Rate(random, 0.1)};
  return options;
}

// Kills whatever there is, until `end`.
void Haunt(World& world, SupervisorShell& supervisor, Machine& machine, std::uint32_t servables,
           Duration length, TimePoint end) {
  Random& random = world.random;
  if (random.Chance(0.4)) {
    world.Repeat(length / 8, end, [&supervisor] { supervisor.KillGateway(); });
  }
  if (random.Chance(0.4)) {
    world.Repeat(length / 8, end, [&supervisor, &random, servables] {
      supervisor.KillZygote({random.Below(servables)});
    });
  }
  if (random.Chance(0.3)) {
    world.Repeat(length / 8, end, [&supervisor, &random, servables] {
      supervisor.StopZygote({random.Below(servables)});
    });
  }
  if (random.Chance(0.7)) {
    world.Repeat(length / 40, end, [&machine] {
      if (const WorkerRef worker = machine.AnyAlive()) {
        machine.Kill(worker, DeathCause::kKilledFromOutside);
      }
    });
  }
  if (random.Chance(0.3)) {
    world.Repeat(length / 8, end, [&machine] {
      for (const WorkerRef& worker : machine.AllAlive()) {
        machine.Kill(worker, DeathCause::kKilledFromOutside);
      }
    });
  }
}

// Runs until the faults have stopped and all that should run does; or until it gave up.
void Heal(World& world, SupervisorShell& supervisor, Machine& machine) {
  machine.StopFaults();
  supervisor.StopFaults();
  world.agenda.RunUntil(world.agenda.now() + seconds(60));
}

}  // namespace

Outcome RunFleetWorld(std::uint64_t seed, Telling telling) {
  World world(seed, telling);
  Random& random = world.random;
  Agenda& agenda = world.agenda;
  Machine::Options machine_options{.faults = DrawFaults(random)};
  Machine machine(agenda, random, world.findings, machine_options);
  const SupervisorShell::Options options = DrawFleet(random, seed);
  SupervisorShell supervisor(agenda, random, world.findings, machine, options);
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
  const auto servables = static_cast<std::uint32_t>(options.workers.size());
  Haunt(world, supervisor, machine, servables, length, end);
  if (random.Chance(0.3)) {
    world.Repeat(length / 4, end, [&] {
      const WorkerRef worker = machine.AnyAlive();
      if (worker == nullptr) return;
      const Generation generation{worker->generation.value - random.Below(2)};
      supervisor.RecycleAsked(worker->slot, generation, DeathCause::kHung);
    });
  }
  if (random.Chance(0.3)) {
    world.Repeat(length / 3, end, [&] {
      const Duration nap = random.Between(milliseconds(1), milliseconds(8000));
      agenda.Freeze(nap);
      supervisor.Wake(nap);
    });
  }
  supervisor.Start();
  if (random.Chance(0.5)) {
    agenda.RunUntil(end);
    Heal(world, supervisor, machine);
    if (!supervisor.gave_up()) supervisor.RequireWhole();
  } else {
    agenda.RunUntil(agenda.now() + random.Between(Duration(0), length));
  }
  supervisor.Drain();
  supervisor.EndAll();
  agenda.RunUntil(agenda.now() + seconds(60));
  supervisor.RequireGone();
  return world.Finish(supervisor.decide_calls());
}

Outcome RunWholeWorld(std::uint64_t seed, Telling telling) {
  World world(seed, telling);
  Random& random = world.random;
  Agenda& agenda = world.agenda;
  const SupervisorShell::Options options = DrawFleet(random, seed);
  const std::size_t servables = options.workers.size();
  std::size_t slots = 0;
  for (const std::uint32_t workers : options.workers) slots += workers;
  Machine::Options machine_options = DrawMachine(random, servables);
  const std::vector<Duration> service = machine_options.service;
  Machine machine(agenda, random, world.findings, machine_options);
  SupervisorShell supervisor(agenda, random, world.findings, machine, options);

  const Scheduler::Options scheduler_options = DrawScheduler(random);
  std::shared_ptr<GatewayShell> gateway;  // None while the process is down.
  std::uint64_t decide_calls = 0;
  std::size_t rescued = 0;
  const auto latency = [&] { return random.Between(microseconds(10), milliseconds(2)); };
  supervisor.gateway_up = [&] {
    gateway = std::make_shared<GatewayShell>(agenda, random, world.findings, machine, world.ledger,
                                             scheduler_options, GatewayShell::Habits{});
    for (std::uint32_t i = 0; i < servables; ++i) gateway->AddServable({i}, service[i]);
    const std::uint32_t life = supervisor.gateway_life();
    gateway->ask_recycle = [&, life](SlotId slot, Generation generation, DeathCause cause) {
      agenda.In(latency(), [&, life, slot, generation, cause] {
        if (supervisor.gateway_life() == life) supervisor.RecycleAsked(slot, generation, cause);
      });
    };
    gateway->tell_ready = [&, life](SlotId slot, Generation generation) {
      agenda.In(latency(), [&, life, slot, generation] {
        if (supervisor.gateway_life() == life) supervisor.WorkerReady(slot, generation);
      });
    };
  };
  supervisor.gateway_down = [&] {
    if (gateway == nullptr) return;
    decide_calls += gateway->decide_calls();
    rescued += gateway->rescues();
    gateway->Die();
    gateway.reset();
    world.ledger.LoseAll();
  };
  supervisor.give_worker = [&](const WorkerRef& worker) { gateway->TakeWorker(worker); };
  supervisor.tell_verdict = [&](SlotId slot, Generation generation, DeathCause cause) {
    gateway->TakeVerdict(slot, generation, cause);
  };
  supervisor.tell_failed = [&](ServableId servable) { gateway->SetFailed(servable, true); };
  machine.on_exit = [&](const WorkerRef& worker) { supervisor.WorkerExited(worker); };
  machine.on_news = [&](const WorkerRef& worker, News news, ItemId item) {
    if (gateway != nullptr) gateway->TakeNews(worker, news, item);
  };

  Clients::Options asking = DrawClients(random, service, random.Across(0.05, 3.0), slots);
  asking.deadline_least = seconds(random.Below(6));
  asking.gap = std::max<Duration>(asking.gap, milliseconds(10));
  Clients clients(agenda, random, world.ledger, asking);
  clients.offer = [&](const std::vector<ItemId>& request) {
    if (gateway != nullptr) gateway->Offer(request);
  };
  clients.leave = [&](ItemId item) {
    if (gateway != nullptr) gateway->ClientLeft(item);
  };
  const Duration length = std::min<Duration>(asking.gap * 300, seconds(40));
  const TimePoint end = agenda.now() + length;
  Haunt(world, supervisor, machine, static_cast<std::uint32_t>(servables), length, end);
  if (random.Chance(0.3)) {
    world.Repeat(length / 3, end, [&] {
      const Duration nap = random.Between(milliseconds(1), milliseconds(4000));
      agenda.Freeze(nap);
      if (gateway != nullptr) gateway->Wake(nap);
      supervisor.Wake(nap);
    });
  }
  supervisor.Start();
  clients.Run(end);
  const bool heals = random.Chance(0.5);
  agenda.RunUntil(end);
  if (heals) {
    Heal(world, supervisor, machine);
    if (!supervisor.gave_up()) supervisor.RequireWhole();
  } else {
    machine.StopFaults();  // A drain with requests on board, and nobody to replace a worker.
    supervisor.Drain();
  }
  agenda.RunUntil(
      agenda.now() + seconds(20) +
      Random::Times(*std::max_element(service.begin(), service.end()), asking.deadline_high));
  world.findings.Require(world.ledger.live() == 0, "{} items never end", world.ledger.live());
  if (gateway != nullptr) gateway->RequireEmpty();
  supervisor.Drain();
  supervisor.EndAll();
  agenda.RunUntil(agenda.now() + seconds(60));
  supervisor.RequireGone();
  Outcome outcome = world.Finish(decide_calls + supervisor.decide_calls());
  outcome.rescued = rescued;
  return outcome;
}

}  // namespace holdfast::simulation
