// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>

#include "simulation/clients.h"
#include "simulation/gateway_shell.h"

namespace holdfast::simulation {
namespace {

using std::chrono::milliseconds;

struct Load {
  double of_capacity;
  std::uint32_t workers = 2;
  double deadline = 5;  // In service times.
  double spread = 0.1;
};

struct Goodput {
  double of_capacity = 0;  // Answered in time.
  double shed = 0;         // Each of all items.
  double refused = 0;
};

// Workers that never fail, Poisson arrivals, for as long as 20,000 services.
Goodput Measure(const Load& load) {
  constexpr Duration kService = milliseconds(20);
  constexpr int kServices = 20'000;
  Agenda agenda;
  Random random(7);
  Findings findings(agenda, false);
  Ledger ledger(findings);
  Machine machine(agenda, random, findings, {.service = {kService}, .spread = load.spread});
  const auto gateway = std::make_shared<GatewayShell>(agenda, random, findings, machine, ledger,
                                                      Scheduler::Options{}, GatewayShell::Habits{});
  gateway->AddServable({0}, kService);
  gateway->ask_recycle = [](SlotId, Generation, DeathCause) {};
  gateway->tell_ready = [](SlotId, Generation) {};
  machine.on_exit = [](const WorkerRef&) {};
  machine.on_news = [&](const WorkerRef& worker, News news, ItemId item) {
    gateway->TakeNews(worker, news, item);
  };
  for (std::uint32_t i = 0; i < load.workers; ++i) {
    const WorkerRef worker = machine.Order({i}, {1}, {0});
    machine.Fork(worker);
    gateway->TakeWorker(worker);
  }
  agenda.RunUntil(agenda.now() + milliseconds(100));
  Clients clients(agenda, random, ledger,
                  {.service = {kService},
                   .gap = Random::Times(kService, 1.0 / (load.of_capacity * load.workers)),
                   .deadline_low = load.deadline,
                   .deadline_high = load.deadline});
  clients.offer = [&](const std::vector<ItemId>& request) { gateway->Offer(request); };
  clients.leave = [](ItemId) {};
  const TimePoint end = agenda.now() + kService * kServices / load.workers;
  clients.Run(end);
  agenda.RunUntil(end);
  Goodput goodput{.of_capacity = static_cast<double>(ledger.Count(Fate::kAnswered)) / kServices};
  agenda.RunUntil(agenda.now() + std::chrono::seconds(10));
  gateway->RequireEmpty();
  gateway->Die();
  for (const std::string& broken : findings.broken()) ADD_FAILURE() << broken;
  const auto items = static_cast<double>(ledger.size());
  goodput.shed = static_cast<double>(ledger.Count(Fate::kShed)) / items;
  goodput.refused = static_cast<double>(ledger.Count(Fate::kRefused)) / items;
  fmt::print(
      "load {:.1f} on {} workers, deadline {:g} services, spread {:g}: goodput {:.3f}, "
      "shed {:.4f}, refused after admission {:.4f}\n",
      load.of_capacity, load.workers, load.deadline, load.spread, goodput.of_capacity, goodput.shed,
      goodput.refused);
  return goodput;
}

TEST(Goodput, StaysAtCapacityUnderOverload) {
  for (const std::uint32_t workers : {1u, 2u, 4u, 8u}) {
    for (const double spread : {0.1, 0.5}) {
      EXPECT_GE(Measure({.of_capacity = 2, .workers = workers, .spread = spread}).of_capacity,
                0.95);
      EXPECT_GE(Measure({.of_capacity = 4, .workers = workers, .spread = spread}).of_capacity,
                0.92);
    }
  }
}

TEST(Goodput, RefusesInsteadOfBeingLate) {
  for (const double load : {1.0, 2.0, 4.0}) {
    EXPECT_LE(Measure({.of_capacity = load}).refused, 0.01);
  }
}

TEST(Goodput, ShedsNothingWhileThereIsRoom) {
  for (const double load : {0.1, 0.5, 0.7}) {
    EXPECT_EQ(Measure({.of_capacity = load, .deadline = 50}).shed, 0.0);
  }
}

}  // namespace
}  // namespace holdfast::simulation
