// SPDX-License-Identifier: Apache-2.0
#include "simulation/clients.h"

#include <utility>

namespace holdfast::simulation {

Clients::Clients(Agenda& agenda, Random& random, Ledger& ledger, Options options)
    : agenda_(agenda), random_(random), ledger_(ledger), options_(std::move(options)) {}

void Clients::Run(TimePoint end) {
  const Duration gap =
      random_.Chance(options_.burst) ? Duration::zero() : random_.Exponential(options_.gap);
  agenda_.In(gap, [=, this] {
    if (agenda_.now() >= end) return;
    Ask();
    Run(end);
  });
}

void Clients::Ask() {
  const auto servable = random_.Below(static_cast<std::uint32_t>(options_.service.size()));
  const Duration patience = Random::Times(
      options_.service[servable], random_.Across(options_.deadline_low, options_.deadline_high));
  const TimePoint deadline = agenda_.now() + std::max(patience, options_.deadline_least);
  std::vector<ItemId> request(1 + random_.Below(options_.items_max));
  for (ItemId& item : request) {
    ItemTruth truth{.servable = {servable},
                    .deadline = deadline,
                    .bytes = 1 + random_.Next() % options_.bytes_max,
                    .nature = DrawNature()};
    // Only a client's own numbers can take a sound model beyond its range.
    truth.is_tensor = truth.nature == Nature::kOverflows ||
                      (truth.nature != Nature::kGivesGarbage && random_.Chance(0.3));
    item = ledger_.Open(truth);
  }
  offer(request);
  if (!random_.Chance(options_.leaves)) return;
  agenda_.In(Random::Times(deadline - agenda_.now(), random_.Between(0.0, 1.2)), [=, this] {
    for (const ItemId item : request) leave(item);
  });
}

Nature Clients::DrawNature() {
  if (random_.Chance(options_.crashes)) return Nature::kCrashes;
  if (random_.Chance(options_.hangs)) return Nature::kHangs;
  if (random_.Chance(options_.garbage)) return Nature::kGivesGarbage;
  if (random_.Chance(options_.overflows)) return Nature::kOverflows;
  return Nature::kGood;
}

}  // namespace holdfast::simulation
