// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/death_cause.h"
#include "base/strong_id.h"
#include "simulation/agenda.h"
#include "simulation/findings.h"
#include "simulation/ledger.h"
#include "simulation/random.h"

namespace holdfast::simulation {

// What arrives at the gateway's end of a worker's channel.
enum class News { kReady, kAnswer, kGarbage, kDoubtful, kEndOfFile };

// A worker: its process, its channel and the mark in its arena.
struct Worker {
  SlotId slot;
  Generation generation;
  ServableId servable;
  enum class Process { kOrdered, kAlive, kDead } process = Process::kOrdered;
  DeathCause cause = DeathCause::kUnknown;  // Once dead.
  bool stuck = false;                       // Alive, and will never do anything again.
  std::optional<ItemId> begun;              // The mark.
  TimePoint channel_until{};                // A channel keeps the order of its messages.
  bool channel_given = false;               // The gateway holds its end; before, news is unread.
  bool lied = false;                        // It gave an invalid answer by a fault of its own.
  bool unexplained = false;                 // The gateway will not hear in time why it died.
  struct Letter {
    News news;
    ItemId item;
  };
  std::deque<Letter> in_flight;
  std::vector<Letter> unread;

  bool alive() const { return process == Process::kAlive; }
};
using WorkerRef = std::shared_ptr<Worker>;

// Worker processes and the kernel under them, with their faults.
class Machine {
 public:
  struct Faults {
    double crash = 0;  // Each per item: the worker's own fault, not the item's.
    double hang = 0;
    double garbage = 0;
    double wrong_item = 0;
    double answer_twice = 0;
    double die_at_start = 0;  // Each per start.
    double never_ready = 0;
    double end_of_file_lost = 0;
  };
  struct Options {
    Faults faults;
    std::vector<Duration> service;  // Mean, by servable.
    double spread = 0.3;            // Of a service time around its mean.
    double slow_chance = 0;         // Of one in the tail, up to `slow_factor` times as long.
    double slow_factor = 1;
    Duration latency = std::chrono::microseconds(200);  // Of a message, at most.
    Duration death_seen = std::chrono::milliseconds(20);
  };
  // No item takes longer, so that only a stuck worker reaches the scheduler's hang limit.
  static constexpr Duration kServiceMax = std::chrono::milliseconds(900);

  Machine(Agenda& agenda, Random& random, Findings& findings, Options options);

  std::function<void(const WorkerRef&, News, ItemId)> on_news;  // At the gateway.
  std::function<void(const WorkerRef&)> on_exit;                // At the supervisor.

  WorkerRef Order(SlotId slot, Generation generation, ServableId servable);
  void Fork(const WorkerRef& worker);
  // The zygote is gone, and with it the worker's end of the channel.
  void CloseUnforked(const WorkerRef& worker);
  void Send(const WorkerRef& worker, ItemId item, const ItemTruth& truth);
  void Kill(const WorkerRef& worker, DeathCause cause);
  void KillAny();  // From outside, as the next two.
  void KillAll();
  void StopAny();
  // Gives the channel's end to the gateway, with what lies in it.
  void GiveChannel(const WorkerRef& worker);

  void StopFaults() { options_.faults = {}; }
  std::size_t alive() const { return alive_.size(); }
  WorkerRef AnyAlive();
  std::vector<WorkerRef> AllAlive() const { return alive_; }

 private:
  void Begin(const WorkerRef& worker, ItemId item, const ItemTruth& truth);
  void Post(const WorkerRef& worker, News news, ItemId item, Duration latency);
  Duration Latency() { return random_.Between(Duration(1000), options_.latency); }

  Agenda& agenda_;
  Random& random_;
  Findings& findings_;
  Options options_;
  std::vector<WorkerRef> alive_;
};

}  // namespace holdfast::simulation
