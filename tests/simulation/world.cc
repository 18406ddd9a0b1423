// SPDX-License-Identifier: Apache-2.0
#include "simulation/world.h"

#include <algorithm>

namespace holdfast::simulation {

using std::chrono::milliseconds;
using std::chrono::seconds;

void World::Repeat(Duration gap, TimePoint end, const std::function<void()>& act) {
  agenda.In(random.Exponential(gap), [=, this] {
    if (agenda.now() >= end) return;
    act();
    Repeat(gap, end, act);
  });
}

void World::MayRepeat(double chance, Duration gap, TimePoint end,
                      const std::function<void()>& act) {
  if (random.Chance(chance)) Repeat(gap, end, act);
}

Outcome World::Finish(std::uint64_t decide_calls) {
  // Each event may cause a needless call, a last one that says nothing, and one a decision.
  findings.Require(decide_calls <= 4 * agenda.events() + 100, "{} Decide() calls for {} events",
                   decide_calls, agenda.events());
  return {.broken = findings.broken(),
          .events = agenda.events(),
          .decide_calls = decide_calls,
          .items = ledger.size(),
          .answered = ledger.Count(Fate::kAnswered),
          .refused = ledger.Count(Fate::kRefused),
          .shed = ledger.Count(Fate::kShed)};
}

double DrawRate(Random& random, double most) {
  return random.Chance(0.5) ? 0.0 : random.Across(most / 100, most);
}

Machine::Faults DrawFaults(Random& random) {
  return {.crash = DrawRate(random, 0.05),
          .hang = DrawRate(random, 0.02),
          .garbage = DrawRate(random, 0.03),
          .wrong_item = DrawRate(random, 0.02),
          .answer_twice = DrawRate(random, 0.02),
          .die_at_start = DrawRate(random, 0.3),
          .never_ready = DrawRate(random, 0.2),
          .end_of_file_lost = DrawRate(random, 0.2)};
}

Machine::Options DrawMachine(Random& random, std::size_t servables) {
  Machine::Options options{.faults = DrawFaults(random)};
  for (std::size_t i = 0; i < servables; ++i) {
    options.service.push_back(Random::Times(milliseconds(1), random.Across(0.5, 150.0)));
  }
  options.spread = random.Between(0.0, 0.9);
  options.slow_chance = DrawRate(random, 0.1);
  options.slow_factor = 6;
  return options;
}

Scheduler::Options DrawScheduler(Random& random) {
  Scheduler::Options options;
  options.items_max = 1 + random.Below(random.Chance(0.5) ? 8 : 256);
  if (random.Chance(0.5)) options.running_max = 1 + random.Below(4);
  options.bytes_max = random.Chance(0.3) ? 4000 : 1'000'000;
  options.rescue.burst = random.Chance(0.3) ? random.Below(4) : 20;
  return options;
}

Clients::Options DrawClients(Random& random, const std::vector<Duration>& service, double load,
                             std::size_t workers) {
  Clients::Options options{.service = service};
  Duration mean{0};
  for (const Duration each : service) mean += each / static_cast<Duration::rep>(service.size());
  options.items_max = random.Chance(0.3) ? 4 : 1;
  const double per_request = (1.0 + options.items_max) / 2.0;
  options.gap = Random::Times(mean, per_request / (load * static_cast<double>(workers)));
  options.burst = DrawRate(random, 0.5);
  options.deadline_low = random.Across(1.0, 20.0);
  options.deadline_high = options.deadline_low * random.Across(1.0, 100.0);
  options.bytes_max = 1000;
  options.crashes = DrawRate(random, 0.03);
  options.hangs = DrawRate(random, 0.01);
  options.garbage = DrawRate(random, 0.03);
  options.overflows = DrawRate(random, 0.1);
  options.leaves = DrawRate(random, 0.3);
  return options;
}

SupervisorShell::Options DrawFleet(Random& random, std::uint64_t seed) {
  SupervisorShell::Options options;
  options.fleet.seed = seed;
  options.fleet.load_timeout = seconds(3);
  options.fleet.fewer_workers_time = seconds(2);  // All are back when a world is judged.
  const std::size_t servables = 1 + random.Below(3);
  for (std::size_t i = 0; i < servables; ++i) options.workers.push_back(1 + random.Below(4));
  options.load = Random::Times(milliseconds(1), random.Across(5.0, 1500.0));
  options.faults = {.gateway_dies_at_start = DrawRate(random, 0.3),
                    .zygote_dies_loading = DrawRate(random, 0.4),
                    .zygote_hangs_loading = DrawRate(random, 0.2),
                    .zygote_hopeless = DrawRate(random, 0.1),
                    .zygote_dies_at_fork = DrawRate(random, 0.2),
                    .zygote_hangs_at_fork = DrawRate(random, 0.1),
                    .order_fails = DrawRate(random, 0.1)};
  return options;
}

Duration LongestWait(const Clients::Options& asking) {
  const Duration slowest = *std::max_element(asking.service.begin(), asking.service.end());
  return seconds(20) + asking.deadline_least + Random::Times(slowest, asking.deadline_high);
}

void Haunt(World& world, SupervisorShell& supervisor, Machine& machine, Duration length,
           TimePoint end) {
  Random& random = world.random;
  const auto any_servable = [&supervisor, &random] {
    return ServableId{random.Below(supervisor.servables())};
  };
  world.MayRepeat(0.4, length / 8, end, [&supervisor] { supervisor.KillGateway(); });
  world.MayRepeat(0.4, length / 8, end,
                  [=, &supervisor] { supervisor.KillZygote(any_servable()); });
  world.MayRepeat(0.3, length / 8, end,
                  [=, &supervisor] { supervisor.StopZygote(any_servable()); });
  world.MayRepeat(0.7, length / 40, end, [&machine] { machine.KillAny(); });
  world.MayRepeat(0.3, length / 8, end, [&machine] { machine.KillAll(); });
}

void Heal(World& world, SupervisorShell& supervisor, Machine& machine) {
  machine.StopFaults();
  supervisor.StopFaults();
  world.agenda.RunUntil(world.agenda.now() + seconds(60));
  if (!supervisor.gave_up()) supervisor.RequireWhole();
}

void EndWorld(World& world, SupervisorShell& supervisor) {
  supervisor.Drain();
  supervisor.EndAll();
  world.agenda.RunUntil(world.agenda.now() + seconds(60));
  supervisor.RequireGone();
}

}  // namespace holdfast::simulation
