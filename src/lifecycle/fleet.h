// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "base/death_cause.h"
#include "base/strong_id.h"
#include "base/time.h"
#include "lifecycle/restart_policy.h"

namespace holdfast {

// What the fleet tells the supervisor to do, in this order.
struct StartGateway {};
struct StartZygote {
  ServableId servable;
};
struct KillZygote {
  ServableId servable;
  std::string why;
};
// Make a channel and an arena, and send their ends to the zygote and the gateway.
struct OrderWorker {
  SlotId slot;
  Generation generation;
  ServableId servable;
};
struct KillWorker {
  SlotId slot;
  Generation generation;
  DeathCause cause;
};
// The servable's crash budget is spent: the gateway refuses its requests at once.
struct DeclareFailed {
  ServableId servable;
};
// The kernel keeps killing workers for memory: the servable goes on with fewer, for a while.
struct ReportFewerWorkers {
  ServableId servable;
  std::uint32_t workers;
};
// No process of the servable is left, and none of its slots is taken.
struct ServableGone {
  ServableId servable;
};
// Nothing is left that could serve. The process ends, and the platform replaces it.
struct GiveUp {
  std::string why;
};
using FleetAction = std::variant<StartGateway, StartZygote, KillZygote, OrderWorker, KillWorker,
                                 DeclareFailed, ReportFewerWorkers, ServableGone, GiveUp>;

// Backing off → ordered → forked → ready; any death leads back to backing off.
enum class SlotState {
  kBackoff,  // No process; starts again at `not_before`, when zygote and gateway are there.
  kOrdered,  // The zygote was asked.
  kForked,   // A process exists and has not said that it is ready.
  kReady,    // The gateway may dispatch to it.
  kFree,     // Of no servable: the next one may take it.
};

// Which processes should exist: one gateway, a zygote a servable, workers in slots. Pure: events
// and `now` in, actions out. The supervisor carries them out and reports what happened.
class Fleet {
 public:
  struct Options {
    RestartPolicy::Options restart;
    Duration order_timeout = std::chrono::seconds(2);  // The zygote does not answer.
    Duration ready_timeout = std::chrono::seconds(5);  // A forked worker is not ready.
    Duration load_timeout = std::chrono::minutes(5);   // A zygote does not finish loading.
    // How long a failed fleet still answers 503, so that a health check sees it, before it ends.
    Duration give_up_delay = std::chrono::seconds(10);
    // The same where no other try could go better.
    Duration second_thought = std::chrono::milliseconds(20);
    // So many workers of a servable killed for memory within the window cost it one of them, as
    // long as the time says. A single bad image kills two.
    std::size_t memory_deaths_max = 3;
    Duration memory_window = std::chrono::seconds(60);
    Duration fewer_workers_time = std::chrono::minutes(10);
    // Servables come and go by clients' calls: a fleet without one that works waits for the next.
    bool waits_for_servables = false;
    std::uint64_t seed = 1;
  };
  explicit Fleet(Options options);

  ServableId AddServable(std::uint32_t workers);
  // Ends its processes. ServableGone says when the last has ended; until then its id is known.
  void RemoveServable(ServableId servable);

  // --- Events ---
  void GatewayStarted();
  void GatewayDied(TimePoint now);
  void ZygoteStarted(ServableId servable, TimePoint now);
  void ZygoteLoaded(ServableId servable);
  // Whether another try could go better: a model that is broken stays broken.
  enum class Prospect { kMayRecover, kHopeless };
  void ZygoteDied(ServableId servable, Prospect prospect, const std::string& why, TimePoint now);
  void WorkerForked(SlotId slot, Generation generation, TimePoint now);
  void WorkerReady(SlotId slot, Generation generation);
  // The worker's process has ended; `cause` as the supervisor explains it.
  void WorkerDied(SlotId slot, Generation generation, DeathCause cause, TimePoint now);
  // The order did not reach zygote or gateway.
  void OrderFailed(SlotId slot, Generation generation, TimePoint now);
  // The gateway found the worker hung, or its answers wrong.
  void RecycleAsked(SlotId slot, Generation generation, DeathCause cause);
  // The shell's loop woke `late`: the host slept, and nobody was slow.
  void HostSlept(Duration late);
  // The servable gets at most so many workers, 1 at least. Before its first ZygoteLoaded().
  void LimitWorkers(ServableId servable, std::uint32_t workers);
  // No process starts from here on.
  void Drain();

  std::vector<FleetAction> Decide(TimePoint now);
  TimePoint NextWake() const;

  struct Slot {
    ServableId servable;
    SlotState state = SlotState::kBackoff;
    Generation generation;
    TimePoint not_before = TimePoint::min();
    TimePoint give_up = kNever;  // When kOrdered or kForked has lasted too long.
    bool in_use = true;          // False: memory has no room for it.
  };
  const std::vector<Slot>& slots() const { return slots_; }
  bool failed(ServableId servable) const;
  // Whether all its workers are ready.
  bool AllReady(ServableId servable) const;

 private:
  enum class ZygoteState { kNone, kLoading, kLoaded };
  struct ServableRecord {
    RestartPolicy policy;
    ZygoteState zygote = ZygoteState::kNone;
    bool zygote_of_use = false;  // A worker became ready since it started.
    TimePoint not_before = TimePoint::min();
    TimePoint give_up = kNever;
    bool failed = false;
    bool removed = false;
    std::string first_cause;  // Of the current run of failures.
    std::deque<TimePoint> memory_deaths;
  };

  Slot* Find(SlotId slot, Generation generation);
  // A process of `servable` died before it was of use. Returns when the next one may start.
  TimePoint CountFailure(ServableRecord& servable, ServableId id, const std::string& why,
                         TimePoint now);
  // The servable fails, unless a worker of it still serves: then it is tried on, seldom. With the
  // last servable the fleet fails, as if it had done so at `since`.
  TimePoint SpendBudget(ServableRecord& servable, ServableId id, const std::string& why,
                        TimePoint now, TimePoint since);
  void EmptySlot(Slot& slot, TimePoint not_before);
  // Forgets the servable, if it is removed and its last process has ended.
  void ForgetIfGone(ServableId servable);
  // When the slot of a worker that was killed for memory may start again.
  TimePoint AfterMemoryDeath(const Slot& dead, TimePoint now);
  void CheckTimeouts(TimePoint now);
  void StartMissing(TimePoint now);
  void CheckGiveUp(TimePoint now);

  Options options_;
  std::map<ServableId, ServableRecord> servables_;
  std::uint32_t next_servable_ = 0;
  std::vector<Slot> slots_;
  RestartPolicy gateway_policy_;
  bool gateway_up_ = false;
  TimePoint gateway_not_before_ = TimePoint::min();
  bool draining_ = false;
  TimePoint all_failed_since_ = kNever;
  bool gateway_failed_ = false;  // Its crash budget is spent.
  bool gave_up_ = false;
  std::string give_up_why_;
  std::vector<FleetAction> actions_;
};

}  // namespace holdfast
