// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <numeric>

#include "simulation/gateway_shell.h"
#include "simulation/world.h"

namespace holdfast::simulation {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Fleet orders what Scheduler dispatches to, and hears from it what to recycle.
class WholeWorld {
 public:
  WholeWorld(std::uint64_t seed, Telling telling)
      : world_(seed, telling),
        options_(DrawFleet(random_, seed)),
        hardware_(DrawMachine(random_, options_.workers.size())),
        machine_(world_.agenda, random_, world_.findings, hardware_),
        supervisor_(world_.agenda, random_, world_.findings, machine_, options_),
        scheduling_(DrawScheduler(random_)),
        asking_(DrawAsking()),
        clients_(world_.agenda, random_, world_.ledger, asking_) {
    Wire();
  }

  Outcome Run() {
    Agenda& agenda = world_.agenda;
    const Duration length = std::min<Duration>(asking_.gap * 300, seconds(40));
    const TimePoint end = agenda.now() + length;
    Haunt(world_, supervisor_, machine_, length, end);
    world_.MayRepeat(0.3, length / 3, end, [this] {
      const Duration nap = random_.Between(milliseconds(1), milliseconds(4000));
      world_.findings.Tell("the host sleeps for {} ms", Milliseconds(nap));
      world_.agenda.Freeze(nap);
      if (gateway_ != nullptr) gateway_->Wake(nap);
      supervisor_.Wake(nap);
    });
    supervisor_.Start();
    clients_.Run(end);
    agenda.RunUntil(end);
    if (random_.Chance(0.5)) {
      Heal(world_, supervisor_, machine_);
      if (!supervisor_.gave_up()) RequireAgreed();
    } else {
      machine_.StopFaults();  // A drain with requests on board, and nobody to replace a worker.
      supervisor_.Drain();
    }
    agenda.RunUntil(agenda.now() + LongestWait(asking_));
    world_.findings.Require(world_.ledger.live() == 0, "{} items never end", world_.ledger.live());
    if (gateway_ != nullptr) gateway_->RequireEmpty();
    EndWorld(world_, supervisor_);
    Outcome outcome = world_.Finish(decide_calls_ + supervisor_.decide_calls());
    outcome.rescued = rescued_;
    outcome.gave_up = supervisor_.gave_up() ? 1 : 0;
    return outcome;
  }

 private:
  Clients::Options DrawAsking() {
    const std::size_t slots =
        std::accumulate(options_.workers.begin(), options_.workers.end(), std::size_t{0});
    Clients::Options asking =
        DrawClients(random_, hardware_.service, random_.Across(0.05, 3.0), slots);
    asking.deadline_least = seconds(random_.Below(6));
    asking.gap = std::max<Duration>(asking.gap, milliseconds(10));
    return asking;
  }

  void Wire() {
    supervisor_.gateway_up = [this] { StartGateway(); };
    supervisor_.gateway_down = [this] { LoseGateway(); };
    supervisor_.give_worker = [this](const WorkerRef& worker) { gateway_->TakeWorker(worker); };
    supervisor_.tell_verdict = [this](SlotId slot, Generation generation, DeathCause cause) {
      gateway_->TakeVerdict(slot, generation, cause);
    };
    supervisor_.tell_failed = [this](ServableId servable) { gateway_->SetFailed(servable, true); };
    machine_.on_exit = [this](const WorkerRef& worker) { supervisor_.WorkerExited(worker); };
    machine_.on_news = [this](const WorkerRef& worker, News news, ItemId item) {
      if (gateway_ != nullptr) gateway_->TakeNews(worker, news, item);
    };
    clients_.offer = [this](const std::vector<ItemId>& request) {
      if (gateway_ != nullptr) gateway_->Offer(request);
    };
    clients_.leave = [this](ItemId item) {
      if (gateway_ != nullptr) gateway_->ClientLeft(item);
    };
  }

  void StartGateway() {
    gateway_ = std::make_shared<GatewayShell>(world_.agenda, random_, world_.findings, machine_,
                                              world_.ledger, scheduling_, GatewayShell::Habits{});
    for (std::uint32_t i = 0; i < supervisor_.servables(); ++i) {
      gateway_->AddServable({i}, hardware_.service[i]);
    }
    // What a gateway has said reaches the supervisor a little later, if both are still there.
    const auto later = [this, life = supervisor_.gateway_life()](const auto& act) {
      world_.agenda.In(random_.Between(microseconds(10), milliseconds(2)), [=, this] {
        if (supervisor_.gateway_life() == life) act();
      });
    };
    gateway_->ask_recycle = [=, this](SlotId slot, Generation generation, DeathCause cause) {
      later([=, this] { supervisor_.RecycleAsked(slot, generation, cause); });
    };
    gateway_->tell_ready = [=, this](SlotId slot, Generation generation) {
      later([=, this] { supervisor_.WorkerReady(slot, generation); });
    };
  }

  void LoseGateway() {
    if (gateway_ == nullptr) return;
    decide_calls_ += gateway_->decide_calls();
    rescued_ += gateway_->rescues();
    gateway_->Die();
    gateway_.reset();
    world_.ledger.LoseAll();
  }

  // After the faults have stopped, gateway and supervisor believe the same.
  void RequireAgreed() {
    for (std::uint32_t i = 0; i < supervisor_.servables(); ++i) {
      const bool failed = supervisor_.fleet().failed({i});
      world_.findings.Require(gateway_->KnowsFailed({i}) == failed,
                              "the gateway does not know that servable {} has failed", i);
      const std::size_t ready = gateway_->scheduler().ReadyWorkers({i});
      world_.findings.Require(failed || ready == options_.workers[i],
                              "servable {}: {} of {} workers at work", i, ready,
                              options_.workers[i]);
    }
  }

  World world_;
  Random& random_ = world_.random;
  SupervisorShell::Options options_;
  Machine::Options hardware_;
  Machine machine_;
  SupervisorShell supervisor_;
  Scheduler::Options scheduling_;
  Clients::Options asking_;
  Clients clients_;
  std::shared_ptr<GatewayShell> gateway_;  // None while the process is down.
  std::uint64_t decide_calls_ = 0;
  std::size_t rescued_ = 0;
};

}  // namespace

Outcome RunWholeWorld(std::uint64_t seed, Telling telling) {
  return WholeWorld(seed, telling).Run();
}

}  // namespace holdfast::simulation
