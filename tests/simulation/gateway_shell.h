// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "scheduling/scheduler.h"
#include "simulation/agenda.h"
#include "simulation/findings.h"
#include "simulation/ledger.h"
#include "simulation/machine.h"
#include "simulation/random.h"

namespace holdfast::simulation {

// The gateway around a Scheduler, without its sockets: it carries decisions out, and holds each of
// them against the truth.
class GatewayShell : public std::enable_shared_from_this<GatewayShell> {
 public:
  struct Habits {
    // Of a worker that is replaced before its end-of-file: look at its mark first, or do not.
    bool reads_the_replaced = true;
    double needless_decide = 0.2;  // Before an event: Decide() must then have nothing to say.
  };
  // To the supervisor.
  std::function<void(SlotId, Generation, DeathCause)> ask_recycle;
  std::function<void(SlotId, Generation)> tell_ready;

  GatewayShell(Agenda& agenda, Random& random, Findings& findings, Machine& machine, Ledger& ledger,
               const Scheduler::Options& options, Habits habits);

  void AddServable(ServableId servable, Duration service);

  // --- Clients ---
  // One request of several items with the same servable and deadline: all are let in, or refused.
  void Offer(const std::vector<ItemId>& request);
  void ClientLeft(ItemId item);

  // --- Supervisor ---
  void TakeWorker(const WorkerRef& worker);
  void TakeVerdict(SlotId slot, Generation generation, DeathCause cause);
  void SetFailed(ServableId servable, bool failed);

  // --- Channels ---
  void TakeNews(const WorkerRef& worker, News news, ItemId item);

  // The host slept for `late`, which ended just now.
  void Wake(Duration late);
  // The process ends; what is left of its timers does nothing.
  void Die() { dead_ = true; }

  const Scheduler& scheduler() const { return scheduler_; }
  bool KnowsFailed(ServableId servable) const { return failed_.contains(servable); }
  std::uint64_t decide_calls() const { return decide_calls_; }
  std::size_t rescues() const { return rescue_count_; }
  // After a drain: nothing is left that could still cost anything.
  void RequireEmpty();

 private:
  struct Line {  // What the gateway knows of a slot.
    WorkerRef worker;
    bool ready = false;
    bool known_dead = false;
    bool gave_garbage = false;
    std::optional<ItemId> item;
    TimePoint dispatched;
  };

  void BeforeEvent();
  void AfterEvent();
  void Carry(const Decision& decision);
  void Send(const Dispatch& dispatch);
  void Answer(const Refuse& refuse);
  void Count(const Rescued& rescued);
  void End(const Recycle& recycle);
  void TakeDoubtful(Line& line, SlotId slot, Generation generation, ItemId item);
  void TakeAnswer(Line& line, SlotId slot, Generation generation, ItemId item);
  // The worker of `line` is gone: notes whose fault that truly was, and tells the scheduler.
  void Lose(SlotId slot, std::optional<DeathCause> our_reason);
  Line* Find(const WorkerRef& worker);
  void CheckBounds();
  void ArmTimer();

  Agenda& agenda_;
  Random& random_;
  Findings& findings_;
  Machine& machine_;
  Ledger& ledger_;
  Scheduler::Options options_;
  Habits habits_;
  Scheduler scheduler_;
  std::map<SlotId, Line> lines_;
  std::set<ServableId> failed_;
  std::deque<TimePoint> items_;  // Of the last ten seconds.
  std::deque<TimePoint> rescues_;
  std::size_t rescue_count_ = 0;
  std::uint64_t decide_calls_ = 0;
  std::uint64_t timer_version_ = 0;
  TimePoint timer_ = kNever;
  TimePoint woke_ = TimePoint::min();
  Duration woke_late_{0};
  bool dead_ = false;
};

}  // namespace holdfast::simulation
