// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "simulation/gateway_shell.h"
#include "simulation/scripted_supervisor.h"
#include "simulation/world.h"

namespace holdfast::simulation {
namespace {

using std::chrono::milliseconds;

class GatewayWorld {
 public:
  GatewayWorld(std::uint64_t seed, Telling telling)
      : world_(seed, telling),
        servables_(1 + random_.Below(3)),
        slots_(servables_ + random_.Below(6)),
        hardware_(DrawMachine(random_, servables_)),
        machine_(world_.agenda, random_, world_.findings, hardware_),
        supervisor_(world_.agenda, random_, machine_, DrawScript()),
        scheduling_(DrawScheduler(random_)),
        habits_{.reads_the_replaced = random_.Chance(0.7)},
        gateway_(std::make_shared<GatewayShell>(world_.agenda, random_, world_.findings, machine_,
                                                world_.ledger, scheduling_, habits_)),
        asking_(DrawClients(random_, hardware_.service, random_.Across(0.05, 5.0), slots_)),
        clients_(world_.agenda, random_, world_.ledger, asking_) {
    for (std::uint32_t i = 0; i < servables_; ++i) {
      const double misjudged = random_.Across(0.5, 4.0);
      gateway_->AddServable({i}, Random::Times(hardware_.service[i], misjudged));
    }
    Wire();
  }

  Outcome Run() {
    Agenda& agenda = world_.agenda;
    const Duration length = Random::Times(asking_.gap, random_.Between(100.0, 400.0));
    const TimePoint end = agenda.now() + length;
    Disturb(length, end);
    supervisor_.Start();
    clients_.Run(end);
    agenda.RunUntil(end);
    // The drain: no new requests, no new faults. What was admitted ends by its deadline.
    machine_.StopFaults();
    supervisor_.StopFaults();
    agenda.RunUntil(agenda.now() + LongestWait(asking_));
    world_.findings.Require(world_.ledger.live() == 0, "{} items never end", world_.ledger.live());
    gateway_->RequireEmpty();
    gateway_->Die();
    Outcome outcome = world_.Finish(gateway_->decide_calls());
    outcome.rescued = gateway_->rescues();
    return outcome;
  }

 private:
  ScriptedSupervisor::Options DrawScript() {
    ScriptedSupervisor::Options script;
    for (std::uint32_t i = 0; i < slots_; ++i) script.slots.push_back({i % servables_});
    script.verdict_lost = DrawRate(random_, 0.2);
    script.verdict_late = DrawRate(random_, 0.2);
    script.respawn_slow = DrawRate(random_, 0.3);
    return script;
  }

  void Wire() {
    gateway_->ask_recycle = [this](SlotId slot, Generation generation, DeathCause cause) {
      supervisor_.Recycle(slot, generation, cause);
    };
    gateway_->tell_ready = [](SlotId, Generation) {};
    machine_.on_news = [this](const WorkerRef& worker, News news, ItemId item) {
      gateway_->TakeNews(worker, news, item);
    };
    machine_.on_exit = [this](const WorkerRef& worker) { supervisor_.WorkerExited(worker); };
    supervisor_.give_worker = [this](const WorkerRef& worker) { gateway_->TakeWorker(worker); };
    supervisor_.tell_verdict = [this](SlotId slot, Generation generation, DeathCause cause) {
      gateway_->TakeVerdict(slot, generation, cause);
    };
    clients_.offer = [this](const std::vector<ItemId>& request) { gateway_->Offer(request); };
    clients_.leave = [this](ItemId item) { gateway_->ClientLeft(item); };
  }

  void Disturb(Duration length, TimePoint end) {
    world_.MayRepeat(0.5, length / 20, end, [this] { machine_.KillAny(); });
    world_.MayRepeat(0.3, length / 3, end, [this] { machine_.KillAll(); });
    world_.MayRepeat(0.3, length / 10, end, [this] { machine_.StopAny(); });
    world_.MayRepeat(0.2, length / 3, end, [this] {
      const ServableId servable{random_.Below(servables_)};
      gateway_->SetFailed(servable, random_.Chance(0.5));
    });
    world_.MayRepeat(0.3, length / 2, end, [this] {
      const Duration nap = random_.Between(milliseconds(1), milliseconds(4000));
      world_.findings.Tell("the host sleeps for {} ms", Milliseconds(nap));
      world_.agenda.Freeze(nap);
      gateway_->Wake(nap);
    });
  }

  World world_;
  Random& random_ = world_.random;
  std::uint32_t servables_;
  std::uint32_t slots_;
  Machine::Options hardware_;
  Machine machine_;
  ScriptedSupervisor supervisor_;
  Scheduler::Options scheduling_;
  GatewayShell::Habits habits_;
  std::shared_ptr<GatewayShell> gateway_;
  Clients::Options asking_;
  Clients clients_;
};

}  // namespace

Outcome RunGatewayWorld(std::uint64_t seed, Telling telling) {
  return GatewayWorld(seed, telling).Run();
}

}  // namespace holdfast::simulation
