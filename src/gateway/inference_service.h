// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/drill_fault.h"
#include "gateway/body_budget.h"
#include "gateway/call/inference.h"
#include "gateway/call/inference_statistics.h"
#include "gateway/death_log.h"
#include "gateway/level_time.h"
#include "gateway/metrics.h"
#include "gateway/poison_keeper.h"
#include "gateway/servable_table.h"
#include "gateway/worker_pool.h"
#include "ipc/death_report.h"
#include "ipc/gateway_options.h"
#include "os/steady_clock.h"
#include "scheduling/quarantine.h"
#include "scheduling/scheduler.h"
#include "telemetry/log.h"

namespace holdfast {

using CallId = std::uint64_t;

// Whom a drill's fault was meant for.
struct DrilledWorker {
  std::string model;  // "NAME/VERSION".
  SlotId slot;
  Generation generation;
  std::uint64_t pid = 0;
};

// Protocol-neutral: items in, an outcome for each out. Every face ends here, so faces cannot differ
// in scheduling, deadlines or rescue. It turns events into calls of the pure Scheduler and its
// decisions into messages. Lives on the gateway's loop.
class InferenceService {
 public:
  using Done = std::function<void(std::vector<ItemOutcome>)>;
  using TellSupervisor = std::function<void(const Message&)>;

  InferenceService(boost::asio::io_context& loop, const GatewayOptions& options,
                   ServableTable& servables, Metrics& metrics, Log& log, TellSupervisor tell);

  // --- Requests ---
  // Whether a request of `bytes` may be read at all: model alive, deadline can be met, budgets
  // free.
  Scheduler::Admission Admit(ServableId servable, std::size_t bytes, TimePoint deadline);
  BodyBudget& budget() { return budget_; }

  // What no client waits for as a last word is not tried again, costs no image its good name, and
  // is no refusal: the current version is asked then.
  enum class Purpose {
    kRequest,
    kTrial,       // A request, asked of a version on trial.
    kComparison,  // What another version has answered; counts as nobody's request.
  };
  struct Call {
    ServableId servable;
    std::vector<InferenceItem> items;
    TimePoint deadline;
    std::string request_id;
    Done done;  // Called exactly once, unless cancelled; perhaps before Submit() returns.
    Purpose purpose = Purpose::kRequest;
  };
  CallId Submit(Call call);
  // The client went away: what waits is dropped, what runs ends without an answer.
  void Cancel(CallId call);

  // --- News from the supervisor ---
  void AddServable(ServableId id, ServableDescription description);
  void ServableFailed(ServableId id);
  // Forgets a servable whose workers the supervisor has ended. False: something of it is left.
  bool ForgetServable(ServableId id);
  void AddWorker(SlotId slot, Generation generation, ServableId servable, UniqueFd channel,
                 UniqueFd arena);
  void WorkerForked(SlotId slot, Generation generation, std::uint64_t pid);
  void WorkerDied(SlotId slot, Generation generation, ServableId servable, DeathCause cause,
                  const DeathReport& report);

  // The worker shall go once it has answered what it runs.
  void RetireWorker(SlotId slot, Generation generation, DeathCause cause);

  // A golden probe of the servable has failed, or worked again: while it fails, the server is not
  // healthy.
  void SetSuspect(ServableId servable, bool suspect);

  // --- Orders of an operator ---
  // Lets one ready worker, whichever, suffer `fault`. kNoWorker: none is ready.
  Result<DrilledWorker> Drill(DrillFault fault);

  // --- State ---
  // Whether every servable that is not given up has had a ready worker lately, and work moves on.
  // One on trial is not looked at: the current version answers in its place.
  bool healthy(TimePoint now = Now()) const;
  // Whether something may run of which no client waits: nothing is queued, and there is room.
  bool HasRoomToSpare(ServableId servable) const;
  std::size_t calls() const { return calls_.size(); }
  std::size_t ready_workers(ServableId servable) const { return scheduler_.ReadyWorkers(servable); }
  // Whether nothing of it waits or runs.
  bool idle(ServableId servable) const;
  // Whether a worker's answer has been doubted since this was last asked.
  bool TakeDoubt(ServableId servable) { return doubted_.erase(servable) > 0; }
  // When a worker of the servable last gave an answer; min() if none has.
  TimePoint last_answer(ServableId servable) const;
  Metrics::Levels levels() const;
  // What servables have done: without a model all that can be asked, else its versions or the one.
  // Errors as ServableTable::Resolve()'s.
  Result<std::vector<std::pair<ModelKey, InferenceStatistics>>> Statistics(
      const ModelChoice& choice) const;
  // Those that are there, or are on their way.
  struct WorkerStatus {
    ServableId servable;
    SlotId slot;
    Generation generation;
    std::uint64_t pid = 0;
    bool ready = false;
    std::optional<Duration> busy;  // How long it has had its item.
    Duration age{0};
    std::uint64_t answered = 0;
  };
  std::vector<WorkerStatus> workers() const;
  const DeathLog& deaths() const { return deaths_; }
  Quarantine& quarantine() { return quarantine_; }
  Duration RetryHint(Reason reason, Duration backlog);

 private:
  struct PendingCall {
    Call call;
    std::vector<ItemOutcome> outcomes;
    std::vector<ItemId> ids;
    std::size_t open = 0;
    TimePoint submitted;
  };
  // What a worker was sent last.
  struct Running {
    ItemId item;
    ItemKind kind = ItemKind::kEncodedImage;
    bool finite = true;  // False: a tensor with NaN or infinity in it, which excuses its worker.
  };
  struct ItemPlace {
    CallId call;
    std::size_t index;
    ItemTimes times;
  };
  // What a worker had on board when it was lost, until the supervisor has explained the death.
  struct OnBoard {
    std::string request_id;
    std::string digest;
  };

  void LoseWorker(SlotId slot, Generation generation);
  void OnReady(SlotId slot, Generation generation);
  void OnAnswered(SlotId slot, Generation generation, ItemId item);
  void OnLost(SlotId slot, Generation generation, bool begun);
  bool RunsARescuedItem(SlotId slot) const;
  std::optional<SlotId> DrillVictim();
  void GarbleIfOrdered(SlotId slot, Result<WorkerAnswer>& answer);
  Status Judge(SlotId slot, ItemId item, Result<WorkerAnswer>& answer) const;
  bool MayBeTheItems(SlotId slot, ItemId item, const Result<WorkerAnswer>& answer) const;
  void Deliver(ItemId item, WorkerAnswer answer, std::uint32_t attempts);
  void Refuse(const struct Refuse& refusal);
  void Finish(ItemId item, ItemOutcome outcome);
  void CountCall(const PendingCall& call);
  // Lets the scheduler decide and carries it out, until it has nothing more to say.
  void Pump();
  void Carry(const Decision& decision);
  void ArmTimer();
  void NoteSleep(TimePoint now);
  void RememberBoard(SlotId slot, Generation generation);
  std::string DigestOf(const ItemPlace& place) const;
  std::string ModelName(ServableId servable) const;
  const InferenceItem& ItemAt(const ItemPlace& place) const;

  ServableTable& servables_;
  Metrics& metrics_;
  Log& log_;
  TellSupervisor tell_;
  BodyBudget budget_;
  std::size_t running_max_;
  bool is_successor_;
  Scheduler scheduler_;
  Quarantine quarantine_;
  DeathLog deaths_;
  PoisonKeeper poison_;
  WorkerPool pool_;
  boost::asio::steady_timer timer_;
  TimePoint expected_wake_ = kNever;
  LevelTime busy_;      // Workers that run an item.
  LevelTime in_place_;  // Workers that are ready, or run one.
  bool pumping_ = false;

  CallId next_call_ = 1;
  std::uint64_t next_item_ = 1;
  std::unordered_map<CallId, PendingCall> calls_;
  std::unordered_map<ItemId, ItemPlace> places_;
  std::map<SlotId, Running> running_;
  std::map<SlotId, ServableId> slot_servables_;
  std::set<SlotId> ready_slots_;  // Whose worker has been ready.
  std::map<SlotId, std::uint64_t> pids_;
  struct Service {
    TimePoint since;
    std::uint64_t answered = 0;
  };
  std::map<SlotId, Service> services_;    // Of the workers that have a slot now.
  std::optional<ServableId> last_asked_;  // Whose worker was sent an item last.
  std::set<SlotId> garbled_;              // Whose next answer a drill garbles.
  std::map<std::pair<SlotId, Generation>, OnBoard> lost_boards_;
  std::map<SlotId, TimePoint> lost_at_;         // Slots whose ready worker is gone.
  std::map<ServableId, TimePoint> last_ready_;  // When the servable last had a ready worker.
  TimePoint last_progress_;
  std::map<ServableId, TimePoint> last_answers_;
  std::map<ServableId, InferenceStatistics> statistics_;
  std::set<ServableId> suspects_;
  std::set<ServableId> doubted_;
  std::minstd_rand random_;
};

}  // namespace holdfast
