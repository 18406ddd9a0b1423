// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/strong_id.h"
#include "base/time.h"
#include "scheduling/decisions.h"
#include "scheduling/fair_shares.h"
#include "scheduling/item_queue.h"
#include "scheduling/rescue_budget.h"
#include "scheduling/service_time.h"

namespace holdfast {

// An item as the scheduler sees it; its bytes stay with the shell.
struct Item {
  ItemId id;
  ServableId servable;
  TimePoint deadline;
  std::size_t bytes = 0;
  bool one_try = false;  // Its caller asks another servable if this one's worker fails.
};

// Which item runs where and when, and what becomes of it when its worker fails. Pure: it reads no
// clock and does no I/O. Events come in, Decide() gives what to do about them.
//
// Every item that Enqueue() took leaves exactly once: by a valid answer, a Refuse, or Cancel().
// Nothing is dispatched after its deadline, and a slot runs one item at a time.
class Scheduler {
 public:
  struct Options {
    std::size_t items_max = 256;
    std::size_t bytes_max = std::size_t{256} << 20;
    // Items that run at once, over all servables; what they want more is shared fairly. One that is
    // overdue (ServiceTime) holds no place any more: a hang must not keep others waiting.
    std::size_t running_max = std::numeric_limits<std::size_t>::max();
    double margin =
        1.15;  // On predicted times; without it, what was admitted at the limit is late.
    Duration hang_floor = std::chrono::seconds(1);
    Duration verdict_timeout = std::chrono::seconds(1);  // The supervisor's word on a death.
    std::uint32_t own_deaths_max = 2;
    std::uint32_t dispatches_max = 4;
    RescueBudget::Options rescue;
    RescueBudget::Options second_opinion;  // Of its own: doubtful items must not use up rescues.
  };
  explicit Scheduler(Options options);

  // --- Servables ---
  // `service`: what one item took while the servable warmed up.
  void AddServable(ServableId servable, Duration service);
  // Nothing of it may wait or run, and none of its workers be left.
  void RemoveServable(ServableId servable);
  // After its crash budget is spent: queued items are refused with kNoWorker, new ones not let in.
  void SetFailed(ServableId servable, bool failed);

  // --- Requests ---
  struct Admission {
    Reason reason = Reason::kOk;
    Duration retry_after{0};  // When not kOk: when the backlog should be gone.
  };
  // Whether `items` (≥ 1) more could be answered by `deadline`, within the bounds. Reserves
  // nothing.
  Admission Admit(ServableId servable, std::size_t items, std::size_t bytes, TimePoint deadline,
                  TimePoint now) const;
  // Takes an item, or says why not; then the caller still owns it.
  Admission Enqueue(const Item& item, TimePoint now);
  // The client went away. A queued item is gone at once; a running one ends without an answer.
  void Cancel(ItemId item);

  // --- Workers ---
  void WorkerStarting(SlotId slot, Generation generation, ServableId servable, TimePoint now);
  void WorkerReady(SlotId slot, Generation generation, TimePoint now);

  enum class AnswerFate {
    kDeliver,   // The item's answer; it has left the scheduler.
    kDiscard,   // Nobody waits for it any more.
    kProtocol,  // No such item runs there: the worker breaks the protocol, and is condemned.
  };
  // A worker's answer whose content is valid.
  AnswerFate WorkerAnswered(SlotId slot, Generation generation, ItemId item, TimePoint now);
  // A worker's answer cannot be one, but that may be the item's own doing: another worker is asked
  // before one is blamed. A valid answer then retires the first worker, a second invalid one ends
  // the item with kOutputInvalid and costs no worker.
  void WorkerDoubted(SlotId slot, Generation generation, ItemId item, TimePoint now);
  // The worker must go, for `cause`: Decide() gives its Recycle. It gets no more items.
  void Condemn(SlotId slot, Generation generation, DeathCause cause);
  // The worker must go, but not in a hurry: it gets no more items, and is condemned for `cause`
  // once it has answered what it runs.
  void Retire(SlotId slot, Generation generation, DeathCause cause);
  // The worker is gone: its channel ended, or the shell carried out its Recycle. `begun`: it had
  // marked its item as begun; a death before that mark is not the item's fault.
  void WorkerLost(SlotId slot, Generation generation, bool begun, TimePoint now);
  // The supervisor's explanation of a death, which may come before or after WorkerLost. One that
  // comes after `verdict_timeout` still counts while the item lives.
  void Verdict(SlotId slot, Generation generation, DeathCause cause, TimePoint now);
  // The shell's loop woke `late`: the host slept, not the workers.
  void HostSlept(Duration late);

  // --- Decisions ---
  std::vector<Decision> Decide(TimePoint now);
  // When Decide() must be called at the latest, if no event comes before.
  TimePoint NextWake() const;

  // How often an item was handed to a worker that began it, so far; 0 for an unknown one.
  std::uint32_t AttemptsOf(ItemId item) const;
  std::size_t queued() const;
  std::size_t running() const;
  std::size_t items() const { return items_.size(); }
  std::size_t bytes() const { return bytes_; }
  std::size_t ReadyWorkers(ServableId servable) const;
  Duration ServiceMean(ServableId servable) const;

 private:
  using DeathKey = std::pair<SlotId, Generation>;
  enum class ItemState { kQueued, kRunning, kAwaitingVerdict };
  struct ItemRecord {
    Item item;
    ItemState state = ItemState::kQueued;
    bool abandoned = false;
    std::uint32_t dispatches = 0;
    std::uint32_t attempts = 0;     // Dispatches, less those that no worker began.
    std::uint32_t own_deaths = 0;   // Deaths that are the item's own, by verdict.
    std::uint32_t unexplained = 0;  // Deaths begun with it on board, verdict awaited.
    std::uint32_t invalid_outputs = 0;
    std::optional<DeathKey> doubted;  // The worker that gave it no valid answer.
  };
  enum class SlotState { kStarting, kIdle, kBusy, kCondemned };
  struct SlotRecord {
    Generation generation;
    ServableId servable;
    SlotState state = SlotState::kStarting;
    std::optional<ItemId> item;
    TimePoint dispatched;
    bool measured = true;  // Whether the answer's time tells the service time.
    TimePoint hung_at;
    TimePoint overdue_at;
    bool overdue = false;              // It holds no place.
    std::optional<DeathCause> retire;  // Why it goes, once it is idle.
  };
  struct ServableRecord {
    ItemQueue queue;
    ServiceTime service;
    bool failed = false;
  };
  struct PendingVerdict {
    ItemId item;
    TimePoint give_up;  // kNever: that was long ago, and the item is not held for it.
  };

  struct Backlog {
    std::size_t workers = 0;
    std::size_t busy = 0;
    std::size_t idle = 0;
    std::size_t free = 0;  // Idle, and there are places left.
  };
  Backlog CountSlots(ServableId servable) const;
  // How many items at once a servable can count on, with what others have to do just now.
  double PlacesFor(ServableId servable, const Backlog& slots) const;
  std::size_t PlacesLeft() const;
  SlotRecord* FindSlot(SlotId slot, Generation generation);
  void FreeSlot(SlotId slot, SlotRecord& record, TimePoint now);
  // Whether `slot` should leave the item to another worker of its servable.
  bool ShouldLeave(SlotId slot, const SlotRecord& record, const ItemRecord& item) const;
  void Queue(ItemRecord& record);
  void Requeue(ItemRecord& record, SlotId from, TimePoint now);
  // Applies a death's cause to the item that it met, which is queued again, refused or held.
  void Explain(ItemRecord& record, DeathCause cause);
  void Settle(ItemRecord& record, SlotId from, TimePoint now);
  std::uint32_t DeathsMax(const ItemRecord& record) const {
    return record.item.one_try ? 1 : options_.own_deaths_max;
  }
  static Reason BlameOf(const ItemRecord& record);  // After its last own death.
  void FinishWith(ItemRecord& record, Reason reason);
  void Forget(ItemId item);
  void RefuseExpired(TimePoint now);
  void RecycleHung(TimePoint now);
  void NoteOverdue(TimePoint now);
  bool Shares() const { return options_.running_max < slots_.size(); }
  void GiveUpOnVerdicts(TimePoint now);
  void DispatchRipe(TimePoint now);
  bool DispatchOneOf(ServableId servable, TimePoint now);
  std::optional<ItemId> NextFor(SlotId slot, const SlotRecord& record, TimePoint now);
  void DispatchTo(SlotId slot, SlotRecord& record, ItemId next, TimePoint now);

  Options options_;
  RescueBudget rescues_;
  RescueBudget second_opinions_;
  FairShares shares_;
  std::map<ServableId, ServableRecord> servables_;
  std::unordered_map<ItemId, ItemRecord> items_;
  std::map<SlotId, SlotRecord> slots_;
  std::map<DeathKey, PendingVerdict> pending_;     // Deaths that wait for their cause.
  std::map<DeathKey, DeathCause> early_verdicts_;  // Causes that came before WorkerLost.
  std::vector<Decision> decisions_;
  std::size_t bytes_ = 0;
};

}  // namespace holdfast
