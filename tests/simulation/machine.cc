// SPDX-License-Identifier: Apache-2.0
#include "simulation/machine.h"

#include <algorithm>
#include <array>
#include <utility>

namespace holdfast::simulation {
namespace {

// What a program does to itself.
constexpr std::array kCrashes{DeathCause::kSignalled, DeathCause::kExited,
                              DeathCause::kOutOfMemory};

}  // namespace

Machine::Machine(Agenda& agenda, Random& random, Findings& findings, Options options)
    : agenda_(agenda), random_(random), findings_(findings), options_(std::move(options)) {}

WorkerRef Machine::Order(SlotId slot, Generation generation, ServableId servable) {
  auto worker = std::make_shared<Worker>();
  worker->slot = slot;
  worker->generation = generation;
  worker->servable = servable;
  return worker;
}

void Machine::Fork(const WorkerRef& worker) {
  worker->process = Worker::Process::kAlive;
  alive_.push_back(worker);
  const Duration start =
      random_.Between(std::chrono::milliseconds(1), std::chrono::milliseconds(8));
  if (random_.Chance(options_.faults.never_ready)) {
    worker->stuck = true;
  } else if (random_.Chance(options_.faults.die_at_start)) {
    agenda_.In(start, [=, this] { Kill(worker, DeathCause::kSignalled); });
  } else {
    agenda_.In(start, [=, this] {
      if (worker->alive() && !worker->stuck) Post(worker, News::kReady, {}, Latency());
    });
  }
}

void Machine::CloseUnforked(const WorkerRef& worker) {
  worker->process = Worker::Process::kDead;
  Post(worker, News::kEndOfFile, {}, Latency());
}

void Machine::Send(const WorkerRef& worker, ItemId item, const ItemTruth& truth) {
  worker->begun.reset();
  agenda_.In(Latency(), [=, this] {
    if (worker->alive() && !worker->stuck) Begin(worker, item, truth);
  });
}

void Machine::Begin(const WorkerRef& worker, ItemId item, const ItemTruth& truth) {
  worker->begun = item;
  const Nature nature = truth.nature;
  const Faults& faults = options_.faults;
  double factor = random_.Between(1.0 - options_.spread, 1.0 + options_.spread);
  if (random_.Chance(options_.slow_chance)) factor *= random_.Between(1.0, options_.slow_factor);
  const Duration service =
      std::min(kServiceMax, Random::Times(options_.service.at(worker->servable.value), factor));
  if (nature == Nature::kHangs || random_.Chance(faults.hang)) {
    worker->stuck = true;
    return;
  }
  if (nature == Nature::kCrashes || random_.Chance(faults.crash)) {
    const DeathCause cause = kCrashes[random_.Below(kCrashes.size())];
    agenda_.In(Random::Times(service, random_.Unit()), [=, this] { Kill(worker, cause); });
    return;
  }
  News news = News::kAnswer;
  ItemId named = item;
  const bool lies = random_.Chance(faults.garbage);
  if (lies) worker->lied = true;
  if (lies || nature == Nature::kGivesGarbage || nature == Nature::kOverflows) {
    news = truth.is_tensor ? News::kDoubtful : News::kGarbage;
  }
  if (random_.Chance(faults.wrong_item)) ++named.value;
  const bool twice = random_.Chance(faults.answer_twice);
  agenda_.In(service, [=, this] {
    if (!worker->alive() || worker->stuck) return;
    Post(worker, news, named, Latency());
    if (twice) Post(worker, news, named, Latency());
  });
}

void Machine::Kill(const WorkerRef& worker, DeathCause cause) {
  if (!worker->alive()) return;
  worker->process = Worker::Process::kDead;
  worker->cause = cause;
  std::erase(alive_, worker);
  findings_.Tell("worker {}/{} dies: {}{}", worker->slot.value, worker->generation.value,
                 DeathCauseWord(cause), worker->begun ? ", item begun" : "");
  const Duration soon = std::chrono::microseconds(500);
  if (!random_.Chance(options_.faults.end_of_file_lost)) {
    Post(worker, News::kEndOfFile, {}, random_.Between(soon, options_.death_seen));
  }
  agenda_.In(random_.Between(soon, options_.death_seen), [=, this] { on_exit(worker); });
}

void Machine::GiveChannel(const WorkerRef& worker) {
  worker->channel_given = true;
  for (const auto& [news, item] : std::exchange(worker->unread, {})) on_news(worker, news, item);
}

void Machine::KillAny() {
  if (const WorkerRef worker = AnyAlive()) Kill(worker, DeathCause::kKilledFromOutside);
}

void Machine::KillAll() {
  for (const WorkerRef& worker : AllAlive()) Kill(worker, DeathCause::kKilledFromOutside);
}

void Machine::StopAny() {
  if (const WorkerRef worker = AnyAlive()) worker->stuck = true;
}

WorkerRef Machine::AnyAlive() {
  if (alive_.empty()) return nullptr;
  return alive_[random_.Below(static_cast<std::uint32_t>(alive_.size()))];
}

void Machine::Post(const WorkerRef& worker, News news, ItemId item, Duration latency) {
  worker->in_flight.push_back({news, item});
  worker->channel_until = std::max(worker->channel_until, agenda_.now() + latency);
  // The host may sleep in between, so that times say little: the first out is the first in.
  agenda_.At(worker->channel_until, [=, this] {
    const Worker::Letter letter = worker->in_flight.front();
    worker->in_flight.pop_front();
    if (worker->channel_given) {
      on_news(worker, letter.news, letter.item);
    } else {
      worker->unread.push_back(letter);
    }
  });
}

}  // namespace holdfast::simulation
