// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/drill_fault.h"
#include "ipc/channel.h"
#include "ipc/description.h"
#include "ipc/servable_list.h"
#include "lifecycle/fleet.h"
#include "lifecycle/roster.h"
#include "os/cgroup.h"
#include "os/listener.h"
#include "os/poller.h"
#include "os/process.h"
#include "supervisor/death_cause.h"
#include "supervisor/line_reader.h"
#include "supervisor/options.h"
#include "supervisor/startup_plan.h"
#include "telemetry/log.h"
#include "telemetry/pipe_sink.h"

namespace holdfast {

// Owns the listening sockets and every process, on one thread. It maps no request memory and parses
// no client's byte: a worker may scribble over its whole arena, and its parent still knows how to
// replace it. What should run is Fleet's decision; this carries it out.
class Supervisor {
 public:
  static Result<std::unique_ptr<Supervisor>> Open(SupervisorOptions options);

  // Serves until a signal or until nothing is left that could serve. Returns the exit code.
  int Run();

 private:
  struct Gateway {
    Process process;
    Channel channel;
    LineReader events;   // Finished log lines.
    LineReader metrics;  // Lines of metrics, for stdout.
    LineReader stderr_lines;
    bool greeted = false;  // It has said hello: orders can reach it.
  };
  struct Zygote {
    Process process;
    Channel channel;
    LineReader stderr_lines;
    std::optional<DeathCause> our_reason;  // Why we killed it.
  };
  struct Worker {
    Generation generation;
    Process process;
    LineReader stderr_lines;
    TimePoint started;
    std::optional<DeathCause> our_reason;         // Why we killed it.
    bool known = false;                           // Its kForked has come.
    std::optional<std::uint64_t> bytes_at_ready;  // Its anonymous memory then.
    bool starved = false;                         // A drill forbids it more memory.
    bool retiring = false;                        // The gateway was told to let it go.
  };
  // Looks at the model folders.
  struct Scout {
    Process process;
    Channel channel;
    LineReader stderr_lines;
  };
  struct Model {
    Offer offer;
    std::uint32_t workers = 1;
    ServableState state = ServableState::kLoading;
    TimePoint retire_until = kNever;  // Then it is ended, whoever still asks it.
    std::optional<Zygote> zygote;
    UniqueFd description;  // Sealed; for each new gateway.
    std::optional<ServableDescription> loaded;
    Reason failure = Reason::kOk;  // Why the last zygote could not load, …
    std::string failure_words;     // … in words.
    bool unloading = false;        // Its processes are being ended.
  };

  // What is bound before anything is started.
  struct Listeners {
    Listener http;
    Listener grpc;
    Listener admin;
    void Close() {
      for (Listener* listener : {&http, &grpc, &admin}) listener->socket.reset();
    }
    BoundPorts ports() const { return {http.port, grpc.port, admin.port}; }
  };

  Supervisor(SupervisorOptions options, Poller poller, UniqueFd signals, Listeners listeners);

  // --- Actions: what Fleet decided ---
  void CarryAll();
  void Carry(const FleetAction& action);
  void StartGatewayProcess();
  void StartZygoteProcess(ServableId servable);
  void OrderWorkerProcess(const OrderWorker& order);
  Status TryOrder(const OrderWorker& order);
  void Kill(SlotId slot, Generation generation, DeathCause cause);
  void Inject(SlotId slot, Generation generation, std::optional<DrillFault> fault);
  void GiveUpWith(const std::string& why);

  // --- Versions: what Roster decided ---
  void FollowRoster();
  void TellServables();
  void Carry(const RosterAction& action);
  void LoadVersionOf(const Offer& offer);
  Status CheckMemoryFor(const Offer& offer, std::uint32_t workers) const;
  std::uint32_t WorkersPerVersion() const;
  void OnServableFailed(ServableId servable);
  void OnServableGone(ServableId servable);
  void EndRetired(TimePoint now);
  ServableList ListServables() const;
  // Whether a process of the model lives, or is to.
  bool Lives(const std::string& model) const;
  bool OnDemand() const { return ModelsOnDemand(options_.gateway.model_control); }
  void AskForVersions();
  struct PendingOrder {
    ModelOrder order;
    std::uint64_t number = 0;
    std::string model;
    std::optional<std::int64_t> version;  // What a label is to mean.
    bool looked = false;                  // The scout has looked since.
    std::optional<Rollout> rollout;       // What is to be tried, once it has.
  };
  void OnModelOrder(Channel::Incoming& news);
  Status TakeOrder(PendingOrder& pending, std::string text);
  Status AddModel(PendingOrder& pending, const std::string& text);
  Status RemoveModel(const std::string& name);
  void Configure(ModelFolders folders);
  void TakeRollouts();
  void LogRolloutEnd(const RolloutEnded& ended);
  std::optional<Status> OutcomeOf(const PendingOrder& order) const;
  void AnswerOrders();
  void AnswerOrder(std::uint64_t number, const Status& outcome);
  void KeepScout(TimePoint now);
  void OnScoutMessage();
  void OnScoutDied(const ExitStatus& status);

  // --- Events ---
  void OnSignal(int signal);
  void OnGatewayMessage();
  void OnRecycle(SlotId slot, Generation generation, DeathCause cause);
  void OnWorkerReady(SlotId slot, Generation generation);
  void OnZygoteMessage(ServableId servable);
  void OnForked(ServableId servable, Channel::Incoming& news);
  void OnLoaded(ServableId servable, Channel::Incoming& news);
  void ReapAll();
  void OnGatewayDied(const ExitStatus& status);
  void OnZygoteDied(ServableId servable, const ExitStatus& status);
  void OnWorkerDied(SlotId slot, const ExitStatus& status);

  // --- Memory ---
  void LimitWorkersByTuning(ServableId servable);
  void LimitWorkersByMemory(ServableId servable);
  void WatchMemory(TimePoint now);
  void RetireIfOutgrown(SlotId slot, Worker& worker);

  // --- Ending ---
  void StartDrain();
  void CheckDrain(TimePoint now);
  void EndIfWithoutWorkers(ServableId servable);
  void StopChildren();

  void WatchLines(LineReader& lines, const std::string& role, LogLevel level);
  void DrainLines(LineReader& lines, const std::string& role, LogLevel level);
  void ForgetLines(LineReader& lines);
  void TellGateway(const Message& message, std::initializer_list<int> descriptors = {});
  void TellCredentials();
  void OnCredentials(Channel::Incoming& news);
  void AnnounceServable(ServableId servable);
  void PrintPlanOnce();
  TimePoint NextWake() const;
  std::string NameOf(ServableId servable) const;

  SupervisorOptions options_;
  Poller poller_;
  UniqueFd signals_;
  Listeners listeners_;
  Cgroup cgroup_;
  DeathExplainer explainer_;
  PipeSink stderr_sink_;
  PipeSink stdout_sink_;
  Log log_;
  Fleet fleet_;

  UniqueFd credentials_;  // Sealed; for each new gateway. Nothing where there are none.
  std::optional<Gateway> gateway_;
  std::map<ServableId, Model> models_;
  Roster roster_;
  std::optional<ServableList> listed_;  // As this gateway was told last.
  std::optional<Scout> scout_;
  TimePoint scout_not_before_ = TimePoint::min();
  bool scan_asked_ = false;                 // And not yet passed on.
  std::vector<PendingOrder> orders_;        // Of this gateway's operators.
  std::optional<ModelFolders> configured_;  // What somebody wants to be served since the start.
  bool ever_loaded_ = false;
  Reason last_failure_ = Reason::kOk;
  std::map<SlotId, Worker> workers_;   // From the order on.
  std::map<pid_t, ExitStatus> limbo_;  // Reaped before its kForked was read.

  TimePoint memory_check_ = TimePoint::min();
  bool plan_printed_ = false;
  bool draining_ = false;
  TimePoint drain_until_ = kNever;
  std::optional<int> exit_code_;
  std::string give_up_why_;
};

}  // namespace holdfast
