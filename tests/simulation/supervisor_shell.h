// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lifecycle/fleet.h"
#include "simulation/agenda.h"
#include "simulation/findings.h"
#include "simulation/machine.h"
#include "simulation/random.h"

namespace holdfast::simulation {

// The supervisor around a Fleet, without its system calls: gateway, zygotes and workers that start,
// die, hang and cross their messages. It holds each action against the truth and the policy.
class SupervisorShell {
 public:
  struct Faults {
    double gateway_dies_at_start = 0;
    double zygote_dies_loading = 0;  // Each per start.
    double zygote_hangs_loading = 0;
    double zygote_hopeless = 0;
    double zygote_dies_at_fork = 0;  // Each per order.
    double zygote_hangs_at_fork = 0;
    double order_fails = 0;
  };
  struct Options {
    Fleet::Options fleet;
    std::vector<std::uint32_t> workers;  // By servable.
    Duration load = std::chrono::milliseconds(300);
    Faults faults;
  };
  // The gateway's side, where there is one.
  std::function<void()> gateway_up = [] {};
  std::function<void()> gateway_down = [] {};
  std::function<void(const WorkerRef&)> give_worker = [](const WorkerRef&) {};
  std::function<void(SlotId, Generation, DeathCause)> tell_verdict = [](SlotId, Generation,
                                                                        DeathCause) {};
  std::function<void(ServableId)> tell_failed = [](ServableId) {};

  SupervisorShell(Agenda& agenda, Random& random, Findings& findings, Machine& machine,
                  Options options);

  void Start() { AfterEvent(); }
  // --- From the gateway ---
  void WorkerReady(SlotId slot, Generation generation);
  void RecycleAsked(SlotId slot, Generation generation, DeathCause cause);
  // --- From the kernel ---
  void WorkerExited(const WorkerRef& worker);
  // --- From fate ---
  void KillGateway();
  void KillZygote(ServableId servable);
  void StopZygote(ServableId servable) { zygotes_[servable.value].stuck = true; }
  void Wake(Duration late);
  void StopFaults() { options_.faults = {}; }
  // --- The end ---
  void Drain();
  void EndAll();

  bool gateway_is_up() const { return gateway_ == Process::kUp; }
  std::uint32_t gateway_life() const { return gateway_life_; }
  bool gave_up() const { return gave_up_; }
  std::uint32_t servables() const { return static_cast<std::uint32_t>(zygotes_.size()); }
  const Fleet& fleet() const { return fleet_; }
  std::uint64_t decide_calls() const { return decide_calls_; }
  // Whether all that should run does, and nothing else.
  void RequireWhole();
  void RequireGone();

 private:
  enum class Process { kNone, kStarting, kUp };
  struct Zygote {
    Process process = Process::kNone;  // The truth.
    bool stuck = false;
    bool told = false;    // Fleet knows it as loaded.
    bool of_use = false;  // Fleet knows of a worker that became ready since it started.
    std::uint32_t life = 0;
    TimePoint busy_until{};     // It forks one at a time.
    TimePoint channel_until{};  // Its messages keep their order.
    std::vector<WorkerRef> orders;
    TimePoint not_before = TimePoint::min();
  };
  struct Known {  // A worker, as the supervisor knows it.
    WorkerRef worker;
    std::uint32_t gateway_life = 0;
    bool forked = false;
    bool exited = false;
    std::optional<DeathCause> our_reason;
  };
  using Key = std::pair<SlotId, Generation>;

  void AfterEvent();
  void ArmTimer();
  void Carry(const FleetAction& action);
  void StartGatewayProcess();
  void StartZygoteProcess(ServableId servable);
  void Order(const OrderWorker& order);
  void ForkNext(ServableId servable, const WorkerRef& worker);
  void TellForked(const WorkerRef& worker);
  void TellDied(Known& known);
  void EndZygote(ServableId servable, Fleet::Prospect prospect);
  void EndGateway();
  void Kill(SlotId slot, Generation generation, DeathCause cause);
  // The policy, once more: when may the next process of this servable start?
  TimePoint CountFailure(ServableId servable);
  TimePoint Delayed(std::deque<TimePoint>& recent);
  bool SomeoneIsReady(ServableId servable) const;
  Duration Latency();

  Agenda& agenda_;
  Random& random_;
  Findings& findings_;
  Machine& machine_;
  Options options_;
  Fleet fleet_;
  Process gateway_ = Process::kNone;
  std::uint32_t gateway_life_ = 0;
  bool gateway_told_ = false;
  std::vector<Zygote> zygotes_;
  std::map<Key, Known> workers_;
  std::vector<TimePoint> slot_not_before_;
  std::vector<Generation> generations_;
  std::vector<std::deque<TimePoint>> failures_;  // By servable, since one became ready.
  std::set<ServableId> failed_;
  std::deque<TimePoint> gateway_failures_;
  TimePoint gateway_not_before_ = TimePoint::min();
  bool draining_ = false;
  bool gave_up_ = false;
  std::uint64_t decide_calls_ = 0;
  std::uint64_t timer_version_ = 0;
  TimePoint timer_ = kNever;
};

}  // namespace holdfast::simulation
