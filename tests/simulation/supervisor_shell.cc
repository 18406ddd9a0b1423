// SPDX-License-Identifier: Apache-2.0
#include "simulation/supervisor_shell.h"

#include <algorithm>
#include <cmath>

namespace holdfast::simulation {

using std::chrono::microseconds;
using std::chrono::milliseconds;

SupervisorShell::SupervisorShell(Agenda& agenda, Random& random, Findings& findings,
                                 Machine& machine, Options options)
    : agenda_(agenda),
      random_(random),
      findings_(findings),
      machine_(machine),
      options_(std::move(options)),
      fleet_(options_.fleet) {
  for (const std::uint32_t workers : options_.workers) fleet_.AddServable(workers);
  zygotes_.resize(options_.workers.size());
  failures_.resize(options_.workers.size());
  slot_not_before_.resize(fleet_.slots().size(), TimePoint::min());
  generations_.resize(fleet_.slots().size());
}

Duration SupervisorShell::Latency() { return random_.Between(microseconds(10), milliseconds(2)); }

// --- The gateway ---

void SupervisorShell::StartGatewayProcess() {
  findings_.Require(gateway_ == Process::kNone, "a second gateway starts");
  findings_.Require(agenda_.now() >= gateway_not_before_, "a gateway starts before its time");
  gateway_ = Process::kStarting;
  const std::uint32_t life = ++gateway_life_;
  const bool dies = random_.Chance(options_.faults.gateway_dies_at_start);
  agenda_.In(random_.Between(milliseconds(2), milliseconds(15)), [=, this] {
    if (gateway_life_ != life || gateway_ != Process::kStarting) return;
    if (dies) return KillGateway();
    gateway_ = Process::kUp;
    gateway_told_ = true;
    findings_.Tell("the gateway is up");
    gateway_up();
    fleet_.GatewayStarted();
    AfterEvent();
  });
}

void SupervisorShell::KillGateway() {
  if (gateway_ == Process::kNone) return;
  findings_.Tell("the gateway dies");
  gateway_ = Process::kNone;
  gateway_down();
  // Its workers read the end of their channels and leave, unless the supervisor is quicker.
  for (const WorkerRef& worker : machine_.AllAlive()) {
    if (worker->stuck || random_.Chance(0.5)) continue;
    agenda_.In(Latency(), [=, this] { machine_.Kill(worker, DeathCause::kExited); });
  }
  agenda_.In(Latency(), [this] { EndGateway(); });
}

void SupervisorShell::EndGateway() {
  const TimePoint next = Delayed(gateway_failures_);
  const bool served = std::exchange(gateway_told_, false) && gateway_failures_.size() == 1;
  gateway_not_before_ = served ? agenda_.now() : next;
  for (auto& [key, known] : workers_) {
    if (!known.our_reason.has_value() && !known.exited) {
      known.our_reason = DeathCause::kGatewayGone;
    }
  }
  fleet_.GatewayDied(agenda_.now());
  AfterEvent();
}

// --- Zygotes ---

void SupervisorShell::StartZygoteProcess(ServableId servable) {
  Zygote& zygote = zygotes_[servable.value];
  findings_.Require(zygote.process == Process::kNone, "a second zygote starts");
  findings_.Require(agenda_.now() >= zygote.not_before, "a zygote starts before its time");
  findings_.Require(!failed_.contains(servable), "a zygote of a failed servable starts");
  zygote = Zygote{.process = Process::kStarting, .life = zygote.life + 1};
  findings_.Tell("zygote {} starts", servable.value);
  fleet_.ZygoteStarted(servable, agenda_.now());
  const Faults& faults = options_.faults;
  const std::uint32_t life = zygote.life;
  zygote.stuck = random_.Chance(faults.zygote_hangs_loading);
  const bool dies = random_.Chance(faults.zygote_dies_loading);
  const bool hopeless = random_.Chance(faults.zygote_hopeless);
  agenda_.In(Random::Times(options_.load, random_.Between(0.5, 1.5)), [=, this] {
    Zygote& it = zygotes_[servable.value];
    if (it.life != life || it.process != Process::kStarting || it.stuck) return;
    if (hopeless) return EndZygote(servable, Fleet::Prospect::kHopeless);
    if (dies) return EndZygote(servable, Fleet::Prospect::kMayRecover);
    it.process = Process::kUp;
    it.channel_until = agenda_.now() + Latency();
    agenda_.At(it.channel_until, [=, this] {
      if (zygotes_[servable.value].life != life) return;
      zygotes_[servable.value].told = true;
      fleet_.ZygoteLoaded(servable);
      AfterEvent();
    });
  });
}

void SupervisorShell::KillZygote(ServableId servable) {
  EndZygote(servable, Fleet::Prospect::kMayRecover);
}

void SupervisorShell::EndZygote(ServableId servable, Fleet::Prospect prospect) {
  Zygote& zygote = zygotes_[servable.value];
  if (zygote.process == Process::kNone) return;
  findings_.Tell("zygote {} dies", servable.value);
  zygote.process = Process::kNone;
  for (const WorkerRef& worker : std::exchange(zygote.orders, {})) machine_.CloseUnforked(worker);
  // Its channel is read to the end before it is dropped.
  const TimePoint seen = std::max(zygote.channel_until, agenda_.now() + Latency());
  agenda_.At(seen, [=, this] {
    Zygote& it = zygotes_[servable.value];
    it.told = false;
    if (it.of_use) {
      it.not_before = agenda_.now();
    } else if (prospect == Fleet::Prospect::kHopeless) {
      if (!SomeoneIsReady(servable)) failed_.insert(servable);
      it.not_before = agenda_.now() + options_.fleet.restart.first_delay;
    } else {
      it.not_before = CountFailure(servable);
    }
    fleet_.ZygoteDied(servable, prospect, "the simulation wants it", agenda_.now());
    AfterEvent();
  });
}

// --- Workers ---

void SupervisorShell::Order(const OrderWorker& order) {
  const Fleet::Slot& slot = fleet_.slots()[order.slot.value];
  findings_.Require(gateway_told_, "an order without a gateway");
  findings_.Require(zygotes_[order.servable.value].told, "an order without a zygote");
  findings_.Require(slot.servable == order.servable && slot.generation == order.generation,
                    "an order for another slot");
  findings_.Require(generations_[order.slot.value] < order.generation, "generations go back");
  findings_.Require(agenda_.now() >= slot_not_before_[order.slot.value],
                    "slot {} starts before its time", order.slot.value);
  findings_.Require(!failed_.contains(order.servable), "a worker of a failed servable starts");
  generations_[order.slot.value] = order.generation;
  Zygote& zygote = zygotes_[order.servable.value];
  if (gateway_ != Process::kUp || zygote.process != Process::kUp ||
      random_.Chance(options_.faults.order_fails)) {
    slot_not_before_[order.slot.value] = agenda_.now() + options_.fleet.restart.first_delay;
    fleet_.OrderFailed(order.slot, order.generation, agenda_.now());
    return;
  }
  const WorkerRef worker = machine_.Order(order.slot, order.generation, order.servable);
  workers_[{order.slot, order.generation}] = {.worker = worker, .gateway_life = gateway_life_};
  zygote.orders.push_back(worker);
  const std::uint32_t gateway_life = gateway_life_;
  agenda_.In(Latency(), [=, this] {
    if (gateway_ == Process::kUp && gateway_life_ == gateway_life) give_worker(worker);
  });
  zygote.busy_until = std::max(zygote.busy_until, agenda_.now()) +
                      random_.Between(milliseconds(1), milliseconds(10));
  agenda_.At(zygote.busy_until, [=, this] { ForkNext(order.servable, worker); });
}

void SupervisorShell::ForkNext(ServableId servable, const WorkerRef& worker) {
  Zygote& zygote = zygotes_[servable.value];
  const auto order = std::find(zygote.orders.begin(), zygote.orders.end(), worker);
  if (zygote.stuck || order == zygote.orders.end()) return;
  if (random_.Chance(options_.faults.zygote_dies_at_fork)) return KillZygote(servable);
  if (random_.Chance(options_.faults.zygote_hangs_at_fork)) {
    zygote.stuck = true;
    return;
  }
  zygote.orders.erase(order);
  machine_.Fork(worker);
  zygote.channel_until = std::max(zygote.channel_until, agenda_.now() + Latency());
  agenda_.At(zygote.channel_until, [=, this] { TellForked(worker); });
}

void SupervisorShell::TellForked(const WorkerRef& worker) {
  Known& known = workers_.at({worker->slot, worker->generation});
  known.forked = true;
  fleet_.WorkerForked(worker->slot, worker->generation, agenda_.now());
  if (known.exited) {
    TellDied(known);  // It was dead before it was known.
  } else if (known.our_reason.has_value()) {
    Kill(worker->slot, worker->generation, *known.our_reason);
  }
  AfterEvent();
}

void SupervisorShell::WorkerExited(const WorkerRef& worker) {
  Known& known = workers_.at({worker->slot, worker->generation});
  known.exited = true;
  if (!known.forked) return;
  TellDied(known);
  AfterEvent();
}

void SupervisorShell::TellDied(Known& known) {
  const Worker& worker = *known.worker;
  const DeathCause cause = known.our_reason.value_or(worker.cause);
  const Fleet::Slot& slot = fleet_.slots()[worker.slot.value];
  const bool ours = cause == DeathCause::kGatewayGone || cause == DeathCause::kDrained;
  const bool starting = slot.state == SlotState::kOrdered || slot.state == SlotState::kForked;
  if (slot.generation == worker.generation && starting && !ours) {
    slot_not_before_[worker.slot.value] = CountFailure(worker.servable);
  }
  fleet_.WorkerDied(worker.slot, worker.generation, cause, agenda_.now());
  const std::uint32_t life = gateway_life_;
  const SlotId id = worker.slot;
  const Generation generation = worker.generation;
  agenda_.In(Latency(), [=, this] {
    if (gateway_ == Process::kUp && gateway_life_ == life) tell_verdict(id, generation, cause);
  });
}

void SupervisorShell::WorkerReady(SlotId slot, Generation generation) {
  const Fleet::Slot& before = fleet_.slots()[slot.value];
  if (before.generation == generation && before.state != SlotState::kBackoff) {
    failures_[before.servable.value].clear();
    zygotes_[before.servable.value].of_use = true;
    if (gateway_told_) gateway_failures_.clear();
  }
  fleet_.WorkerReady(slot, generation);
  AfterEvent();
}

void SupervisorShell::RecycleAsked(SlotId slot, Generation generation, DeathCause cause) {
  fleet_.RecycleAsked(slot, generation, cause);
  AfterEvent();
}

void SupervisorShell::Kill(SlotId slot, Generation generation, DeathCause cause) {
  const auto entry = workers_.find({slot, generation});
  findings_.Require(entry != workers_.end(), "a worker is killed that never was");
  if (entry == workers_.end() || entry->second.exited) return;
  Known& known = entry->second;
  if (cause == DeathCause::kStartTimeout) {
    findings_.Require(known.worker->stuck || !known.worker->alive() ||
                          known.gateway_life != gateway_life_ || gateway_ != Process::kUp,
                      "worker {}/{} is healthy and killed for a slow start", slot.value,
                      generation.value);
  }
  if (!known.our_reason.has_value()) known.our_reason = cause;
  if (!known.forked) return;  // Nobody to kill yet: when it is known.
  agenda_.In(Latency(), [=, this, worker = known.worker] { machine_.Kill(worker, cause); });
}

// --- The policy, told a second time ---

TimePoint SupervisorShell::CountFailure(ServableId servable) {
  const TimePoint next = Delayed(failures_[servable.value]);
  if (next != kNever) return next;
  if (!SomeoneIsReady(servable)) failed_.insert(servable);
  return agenda_.now() + options_.fleet.restart.delay_max;
}

TimePoint SupervisorShell::Delayed(std::deque<TimePoint>& recent) {
  const RestartPolicy::Options& policy = options_.fleet.restart;
  recent.push_back(agenda_.now());
  while (agenda_.now() - recent.front() >= policy.window) recent.pop_front();
  if (recent.size() > policy.failures_max) return kNever;
  const double doubled = std::ldexp(1.0, static_cast<int>(recent.size()) - 1);
  const Duration delay = std::min(policy.delay_max, Random::Times(policy.first_delay, doubled));
  return agenda_.now() + Random::Times(delay, 1.0 - policy.jitter - 1e-9);
}

bool SupervisorShell::SomeoneIsReady(ServableId servable) const {
  return std::any_of(fleet_.slots().begin(), fleet_.slots().end(), [&](const Fleet::Slot& slot) {
    return slot.servable == servable && slot.state == SlotState::kReady;
  });
}

// --- Decisions ---

void SupervisorShell::Wake(Duration late) {
  for (Zygote& zygote : zygotes_) {
    zygote.busy_until += late;
    zygote.channel_until += late;
  }
  timer_ = TimePoint::min();  // It slept too, and would come late by as much.
  fleet_.HostSlept(late);
  AfterEvent();
}

void SupervisorShell::AfterEvent() {
  constexpr int kRoundsMax = 3;  // Orders that fail at once; nothing.
  for (int round = 0;; ++round) {
    ++decide_calls_;
    const std::vector<FleetAction> actions = fleet_.Decide(agenda_.now());
    if (actions.empty()) break;
    for (const FleetAction& action : actions) Carry(action);
    if (round < kRoundsMax) continue;
    findings_.Require(false, "Decide() does not come to an end");
    break;
  }
  findings_.Require(fleet_.NextWake() > agenda_.now(), "NextWake() is not in the future");
  for (std::uint32_t i = 0; i < zygotes_.size(); ++i) {
    findings_.Require(fleet_.failed({i}) == failed_.contains({i}), "servable {}: failed is {}", i,
                      fleet_.failed({i}));
  }
  ArmTimer();
}

void SupervisorShell::ArmTimer() {
  if (fleet_.NextWake() == timer_) return;
  timer_ = fleet_.NextWake();
  const std::uint64_t version = ++timer_version_;
  if (timer_ == kNever) return;
  agenda_.At(timer_, [=, this] {
    if (version != timer_version_) return;
    timer_ = kNever;
    AfterEvent();
  });
}

void SupervisorShell::Carry(const FleetAction& action) {
  const bool starts = std::holds_alternative<StartGateway>(action) ||
                      std::holds_alternative<StartZygote>(action) ||
                      std::holds_alternative<OrderWorker>(action);
  findings_.Require(!draining_ || !starts, "something starts after Drain()");
  if (std::holds_alternative<StartGateway>(action)) StartGatewayProcess();
  if (const auto* zygote = std::get_if<StartZygote>(&action)) StartZygoteProcess(zygote->servable);
  if (const auto* order = std::get_if<OrderWorker>(&action)) Order(*order);
  if (const auto* kill = std::get_if<KillWorker>(&action)) {
    Kill(kill->slot, kill->generation, kill->cause);
  }
  if (const auto* kill = std::get_if<holdfast::KillZygote>(&action)) {
    const Zygote& zygote = zygotes_[kill->servable.value];
    findings_.Tell("zygote {} is killed: {}", kill->servable.value, kill->why);
    findings_.Require(zygote.stuck || zygote.process == Process::kNone,
                      "a healthy zygote is killed");
    const ServableId servable = kill->servable;
    const std::uint32_t life = zygote.life;
    agenda_.In(Latency(), [=, this] {
      if (zygotes_[servable.value].life == life) KillZygote(servable);
    });
  }
  if (const auto* failed = std::get_if<DeclareFailed>(&action)) {
    findings_.Tell("servable {} has failed", failed->servable.value);
    findings_.Require(failed_.contains(failed->servable), "servable {} has budget left",
                      failed->servable.value);
    if (gateway_ == Process::kUp) tell_failed(failed->servable);
  }
  if (const auto* end = std::get_if<GiveUp>(&action)) {
    findings_.Tell("it gives up: {}", end->why);
    findings_.Require(!gave_up_, "it gives up twice");
    findings_.Require(failed_.size() == zygotes_.size() ||
                          gateway_failures_.size() > options_.fleet.restart.failures_max,
                      "it gives up while something could serve");
    gave_up_ = true;
  }
}

// --- The end ---

void SupervisorShell::Drain() {
  draining_ = true;
  fleet_.Drain();
  AfterEvent();
}

void SupervisorShell::EndAll() {
  for (auto& [key, known] : workers_) {
    if (!known.our_reason.has_value()) known.our_reason = DeathCause::kDrained;
  }
  for (std::uint32_t i = 0; i < zygotes_.size(); ++i) KillZygote({i});
  KillGateway();
  for (const WorkerRef& worker : machine_.AllAlive()) {
    machine_.Kill(worker, DeathCause::kDrained);
  }
}

void SupervisorShell::RequireWhole() {
  findings_.Require(gateway_ == Process::kUp, "no gateway after the faults have stopped");
  std::size_t expected = 0;
  std::map<SlotId, int> alive;
  for (const WorkerRef& worker : machine_.AllAlive()) ++alive[worker->slot];
  for (std::uint32_t i = 0; i < fleet_.slots().size(); ++i) {
    const Fleet::Slot& slot = fleet_.slots()[i];
    if (fleet_.failed(slot.servable)) continue;
    ++expected;
    findings_.Require(slot.state == SlotState::kReady && alive[{i}] == 1,
                      "slot {}: state {}, {} processes, after the faults have stopped", i,
                      static_cast<int>(slot.state), alive[{i}]);
  }
  findings_.Require(expected > 0 || gave_up_, "all has failed, and it does not give up");
}

void SupervisorShell::RequireGone() {
  findings_.Require(machine_.alive() == 0, "{} workers outlive the drain", machine_.alive());
  findings_.Require(fleet_.NextWake() == kNever, "a timer outlives the drain");
  for (const Fleet::Slot& slot : fleet_.slots()) {
    findings_.Require(slot.state == SlotState::kBackoff, "a slot outlives the drain");
  }
}

}  // namespace holdfast::simulation
