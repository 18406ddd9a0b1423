// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "simulation/agenda.h"
#include "simulation/ledger.h"
#include "simulation/random.h"

namespace holdfast::simulation {

// Requests of one to a few items, at random times, some of which are poison, some of which nobody
// waits for to the end.
class Clients {
 public:
  struct Options {
    std::vector<Duration> service;  // By servable.
    Duration gap{};                 // Between requests, on average.
    double burst = 0;               // Chance that a request comes at once after another.
    double deadline_low = 2;        // In service times …
    double deadline_high = 100;
    Duration deadline_least{};    // … and no less than this.
    std::uint32_t items_max = 1;  // Of a request.
    std::size_t bytes_max = 1;    // Of an item.
    double crashes = 0;
    double hangs = 0;
    double garbage = 0;
    double overflows = 0;
    double leaves = 0;
  };
  Clients(Agenda& agenda, Random& random, Ledger& ledger, Options options);

  std::function<void(const std::vector<ItemId>&)> offer;
  std::function<void(ItemId)> leave;

  // From now on until `end`.
  void Run(TimePoint end);
  void StopPoison() {
    options_.crashes = options_.hangs = options_.garbage = options_.overflows = 0;
  }

 private:
  void Ask();
  Nature DrawNature();

  Agenda& agenda_;
  Random& random_;
  Ledger& ledger_;
  Options options_;
};

}  // namespace holdfast::simulation
