// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "ipc/arena.h"
#include "ipc/death_report.h"
#include "os/message_socket.h"
#include "os/steady_clock.h"
#include "supervisor/supervisor.h"

namespace holdfast {

void Supervisor::Carry(const FleetAction& action) {
  struct Visitor {
    Supervisor& self;
    void operator()(const StartGateway&) const { self.StartGatewayProcess(); }
    void operator()(const StartZygote& start) const { self.StartZygoteProcess(start.servable); }
    void operator()(const KillZygote& kill) const {
      Model& model = self.models_.at(kill.servable);
      if (!model.zygote.has_value()) return;
      const std::string name = self.NameOf(kill.servable);  // Outlives the fields.
      const auto fields = {LogField("model", name), LogField("why", kill.why)};
      model.unloading ? self.log_.Info("zygote-killed", fields)
                      : self.log_.Warning("zygote-killed", fields);
      model.zygote->our_reason =
          model.unloading ? DeathCause::kUnloaded : DeathCause::kStartTimeout;
      SendSignal(model.zygote->process.pidfd, SIGKILL);
    }
    void operator()(const OrderWorker& order) const { self.OrderWorkerProcess(order); }
    void operator()(const KillWorker& kill) const {
      self.Kill(kill.slot, kill.generation, kill.cause);
    }
    void operator()(const DeclareFailed& failed) const { self.OnServableFailed(failed.servable); }
    void operator()(const ServableGone& gone) const { self.OnServableGone(gone.servable); }
    void operator()(const ReportFewerWorkers& fewer) const {
      self.log_.Warning("fewer-workers",
                        {{"model", self.NameOf(fewer.servable)},
                         {"workers", fewer.workers},
                         {"why", "the kernel keeps killing its workers for memory"}});
    }
    void operator()(const GiveUp& give_up) const { self.GiveUpWith(give_up.why); }
  };
  std::visit(Visitor{*this}, action);
}

void Supervisor::StartGatewayProcess() {
  options_.gateway.successor = ever_loaded_ ? 1 : 0;
  const auto start = [this]() -> Status {
    auto [ours, theirs] = TRY(MessageSocketPair());
    Pipe events = MakePipe();
    Pipe metrics = MakePipe();
    Pipe errors = MakePipe();
    std::vector<std::string> arguments{"serve-gateway"};
    for (std::string& word : ToArguments(options_.gateway).Words()) {
      arguments.push_back(std::move(word));
    }
    Process process = TRY(Spawn(
        {.executable = options_.executables / "holdfast-gateway",
         .arguments = std::move(arguments),
         .environment = {},
         .descriptors = {theirs.get(), listeners_.http.socket.get(), listeners_.grpc.socket.get(),
                         listeners_.admin.socket.get(), events.write.get(), metrics.write.get()},
         .stdio = errors.write.get()}));
    gateway_.emplace(Gateway{.process = std::move(process),
                             .channel = Channel(std::move(ours)),
                             .events = LineReader(std::move(events.read)),
                             .metrics = LineReader(std::move(metrics.read)),
                             .stderr_lines = LineReader(std::move(errors.read))});
    WatchLines(gateway_->events, "gateway", LogLevel::kInfo);
    WatchLines(gateway_->metrics, "gateway", LogLevel::kInfo);
    WatchLines(gateway_->stderr_lines, "gateway", LogLevel::kWarning);
    return poller_.Add(gateway_->channel.fd(), [this] { OnGatewayMessage(); });
  };
  if (const Status started = start(); !started) {
    log_.Error("cannot start the gateway", {{"error", started.error().message}});
    fleet_.GatewayDied(Now());
    return;
  }
  log_.Info("gateway-started", {{"pid", gateway_->process.pid}});
}

void Supervisor::StartZygoteProcess(ServableId servable) {
  const Offer& offer = models_.at(servable).offer;
  const auto start = [&]() -> Status {
    auto [ours, theirs] = TRY(MessageSocketPair());
    Pipe errors = MakePipe();
    std::vector<std::string> arguments{"zygote"};
    const ZygoteOptions zygote{.key = offer.key,
                               .folder = offer.folder,
                               .supervisor = ::getpid(),
                               .build = options_.gateway.build,
                               .sandbox = options_.sandbox,
                               .image_pixels_max = options_.image_pixels_max,
                               .graph_cache = options_.graph_cache,
                               .worker_uid = options_.worker_uid};
    for (std::string& word : ToArguments(zygote).Words()) arguments.push_back(std::move(word));
    // Huge pages keep page tables small, which is what fork and exit spend their time on.
    Process process = TRY(Spawn({.executable = options_.executables / "holdfast-worker",
                                 .arguments = std::move(arguments),
                                 .environment = {{"GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"},
                                                 {"ORT_DISABLE_TELEMETRY", "1"}},
                                 .descriptors = {theirs.get()},
                                 .stdio = errors.write.get()}));
    std::optional<Zygote>& record = models_.at(servable).zygote;
    record.emplace(Zygote{.process = std::move(process),
                          .channel = Channel(std::move(ours)),
                          .stderr_lines = LineReader(std::move(errors.read)),
                          .our_reason = std::nullopt});
    WatchLines(record->stderr_lines, "zygote " + NameOf(servable), LogLevel::kWarning);
    return poller_.Add(record->channel.fd(), [this, servable] { OnZygoteMessage(servable); });
  };
  const Status started = start();
  fleet_.ZygoteStarted(servable, Now());
  if (!started) {
    log_.Error("cannot start a zygote",
               {{"model", NameOf(servable)}, {"error", started.error().message}});
    fleet_.ZygoteDied(servable, Fleet::Prospect::kMayRecover, started.error().message, Now());
    return;
  }
  log_.Info("zygote-started",
            {{"model", NameOf(servable)}, {"pid", models_.at(servable).zygote->process.pid}});
}

void Supervisor::OrderWorkerProcess(const OrderWorker& order) {
  if (const Status ordered = TryOrder(order); !ordered) {
    log_.Warning("cannot order a worker", {{"model", NameOf(order.servable)},
                                           {"slot", order.slot.value},
                                           {"error", ordered.error().message}});
    const auto entry = workers_.find(order.slot);
    if (entry != workers_.end() && entry->second.generation == order.generation) {
      ForgetLines(entry->second.stderr_lines);
      workers_.erase(entry);
    }
    fleet_.OrderFailed(order.slot, order.generation, Now());
  }
}

// Makes what gateway and worker share, and hands each its end. The copies here are closed at once:
// one that stayed open would hide the worker's death from the gateway.
Status Supervisor::TryOrder(const OrderWorker& order) {
  const Model& model = models_.at(order.servable);
  const Error gone{Reason::kUnavailable, "its zygote or the gateway is gone"};
  if (!model.zygote.has_value() || !gateway_.has_value()) return gone;
  const auto [gateway_end, worker_end] = TRY(MessageSocketPair());
  const std::size_t tensor_bytes =
      ElementCount(ItemShape(model.loaded->signature.input)).value_or(0) * sizeof(float);
  const UniqueFd arena = TRY(Arena::Make(std::max(options_.arena_bytes, tensor_bytes)));
  Pipe errors = MakePipe();
  Worker& worker = workers_[order.slot];
  worker = Worker{.generation = order.generation,
                  .process = {},
                  .stderr_lines = LineReader(std::move(errors.read)),
                  .started = Now()};
  WatchLines(worker.stderr_lines,
             fmt::format("worker {} #{}", NameOf(order.servable), order.slot.value),
             LogLevel::kWarning);
  if (!gateway_->channel.Send({.kind = MessageKind::kWorker,
                               .slot = order.slot,
                               .generation = order.generation,
                               .servable = order.servable},
                              {gateway_end.get(), arena.get()})) {
    return gone;
  }
  if (!model.zygote->channel.Send(
          {.kind = MessageKind::kForkWorker, .slot = order.slot, .generation = order.generation},
          {worker_end.get(), arena.get(), errors.write.get()})) {
    return gone;
  }
  return {};
}

void Supervisor::Kill(SlotId slot, Generation generation, DeathCause cause) {
  const auto entry = workers_.find(slot);
  if (entry == workers_.end() || entry->second.generation != generation) return;
  entry->second.our_reason = cause;
  if (entry->second.process.pidfd) SendSignal(entry->second.process.pidfd, SIGKILL);
}

// A drill's fault looks like an accident: our_reason stays empty, so that its cause has to be
// found.
void Supervisor::Inject(SlotId slot, Generation generation, std::optional<DrillFault> fault) {
  const auto entry = workers_.find(slot);
  if (!fault || entry == workers_.end() || entry->second.generation != generation) return;
  Worker& worker = entry->second;
  const Process& process = worker.process;
  if (!process.pidfd) return;
  switch (*fault) {
    case DrillFault::kKill:
      SendSignal(process.pidfd, SIGKILL);
      return;
    case DrillFault::kStop:
      SendSignal(process.pidfd, SIGSTOP);
      return;
    case DrillFault::kOutOfMemory:
      worker.starved = true;
      if (const Status starved = ForbidGrowth(process.pid); !starved) {
        log_.Warning("cannot starve a worker",
                     {{"slot", slot.value}, {"error", starved.error().message}});
      }
      return;
    case DrillFault::kGarbage:
      return;  // The gateway's to do.
  }
}

}  // namespace holdfast
