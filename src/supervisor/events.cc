// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "ipc/death_report.h"
#include "os/shared_memory.h"
#include "os/steady_clock.h"
#include "supervisor/supervisor.h"

namespace holdfast {

// --- What the gateway says ---

void Supervisor::OnGatewayMessage() {
  Channel::Incoming news;
  while (gateway_.has_value() && gateway_->channel.open()) {
    const auto state = gateway_->channel.Receive(news);
    if (state == Channel::State::kNothingYet) return;
    if (state == Channel::State::kClosed) {
      // Its death comes by SIGCHLD; one that broke the grammar is helped on its way.
      poller_.Remove(gateway_->channel.fd());
      gateway_->channel.Close();
      SendSignal(gateway_->process.pidfd, SIGKILL);
      return;
    }
    const Message& message = news.message;
    switch (message.kind) {
      case MessageKind::kHello:
        if (message.value != options_.gateway.build) {
          GiveUpWith("holdfast-gateway is of another build than holdfast");
          return;
        }
        gateway_->greeted = true;
        TellCredentials();
        for (const auto& [id, model] : models_) {
          AnnounceServable(id);
          // Whoever asked it is gone with the last gateway.
          if (model.state == ServableState::kUnloading) roster_.Drained(id);
        }
        listed_.reset();
        FollowRoster();
        fleet_.GatewayStarted();
        break;
      case MessageKind::kModelOrder:
        OnModelOrder(news);
        break;
      case MessageKind::kServableDrained:
        roster_.Drained(message.servable);
        break;
      case MessageKind::kWorkerReady:
        OnWorkerReady(message.slot, message.generation);
        break;
      case MessageKind::kRecycle:
        OnRecycle(message.slot, message.generation,
                  DeathCauseFromNumber(message.code).value_or(DeathCause::kUnknown));
        break;
      case MessageKind::kInject:
        Inject(message.slot, message.generation, DrillFaultFromNumber(message.code));
        break;
      case MessageKind::kDrained:
        if (draining_) exit_code_ = 0;
        break;
      default:
        break;
    }
  }
}

void Supervisor::OnRecycle(SlotId slot, Generation generation, DeathCause cause) {
  const auto entry = workers_.find(slot);
  if (entry != workers_.end() && entry->second.generation == generation) {
    entry->second.our_reason = cause;
  }
  fleet_.RecycleAsked(slot, generation, cause);
}

void Supervisor::OnWorkerReady(SlotId slot, Generation generation) {
  fleet_.WorkerReady(slot, generation);
  const ServableId servable = fleet_.slots().at(slot.value).servable;
  if (fleet_.AllReady(servable)) roster_.Ready(servable);
  const auto entry = workers_.find(slot);
  if (entry == workers_.end() || entry->second.generation != generation) return;
  entry->second.bytes_at_ready = AnonymousBytes(entry->second.process.pid);
}

// --- What a zygote says ---

void Supervisor::OnZygoteMessage(ServableId servable) {
  std::optional<Zygote>& zygote = models_.at(servable).zygote;
  Channel::Incoming news;
  while (zygote.has_value() && zygote->channel.open()) {
    const auto state = zygote->channel.Receive(news);
    if (state == Channel::State::kNothingYet) return;
    if (state == Channel::State::kClosed) {
      poller_.Remove(zygote->channel.fd());
      zygote->channel.Close();
      // One that has said why it leaves is left to do so.
      if (models_.at(servable).failure == Reason::kOk) {
        SendSignal(zygote->process.pidfd, SIGKILL);
      }
      return;
    }
    switch (news.message.kind) {
      case MessageKind::kLoaded:
        OnLoaded(servable, news);
        break;
      case MessageKind::kForked:
        OnForked(servable, news);
        break;
      case MessageKind::kLoadFailed:
        models_.at(servable).failure =
            ReasonFromNumber(news.message.code).value_or(Reason::kInternal);
        break;
      default:
        break;
    }
  }
}

void Supervisor::OnLoaded(ServableId servable, Channel::Incoming& news) {
  Model& model = models_.at(servable);
  Result<ServableDescription> description = DecodeDescription(ReadSealedText(news.descriptors[0]));
  if (!description) {
    log_.Error("a zygote describes its model wrongly",
               {{"model", NameOf(servable)}, {"error", description.error().message}});
    SendSignal(model.zygote->process.pidfd, SIGKILL);
    return;
  }
  log_.Info("model-loaded", {{"model", NameOf(servable)},
                             {"engine", description->engine},
                             {"load_ms", description->load_ms},
                             {"graph", description->graph},
                             {"item_ms", Milliseconds(description->service)},
                             {"golden_examples", description->golden_examples}});
  for (const std::string& assumption : description->assumptions) {
    log_.Warning("model-assumption", {{"model", NameOf(servable)}, {"assumed", assumption}});
  }
  if (!description->sandbox_gap.empty()) {
    log_.Warning("sandbox-incomplete",
                 {{"model", NameOf(servable)}, {"why", description->sandbox_gap}});
  }
  model.loaded = std::move(*description);
  model.description = std::move(news.descriptors[0]);
  ever_loaded_ = true;
  model.failure = Reason::kOk;
  model.failure_words.clear();
  LimitWorkersByTuning(servable);
  LimitWorkersByMemory(servable);
  AnnounceServable(servable);
  fleet_.ZygoteLoaded(servable);
  roster_.Loaded(servable);
}

void Supervisor::OnForked(ServableId servable, Channel::Incoming& news) {
  const auto pid = static_cast<pid_t>(news.message.value);
  const auto entry = workers_.find(news.message.slot);
  const bool current = entry != workers_.end() && !entry->second.known &&
                       entry->second.generation == news.message.generation;
  if (!current) {
    // Ordered for a gateway that has died since: nobody holds the other end of its channel.
    SendSignal(news.descriptors[0], SIGKILL);
    limbo_.erase(pid);
    return;
  }
  Worker& worker = entry->second;
  worker.known = true;
  worker.process = {pid, std::move(news.descriptors[0])};
  fleet_.WorkerForked(news.message.slot, news.message.generation, Now());
  log_.Debug("worker-forked", {{"model", NameOf(servable)},
                               {"slot", news.message.slot.value},
                               {"generation", news.message.generation.value},
                               {"pid", pid}});
  TellGateway({.kind = MessageKind::kWorkerForked,
               .slot = news.message.slot,
               .generation = news.message.generation,
               .value = static_cast<std::uint64_t>(pid)});
  if (worker.our_reason.has_value()) SendSignal(worker.process.pidfd, SIGKILL);
  if (const auto dead = limbo_.extract(pid); !dead.empty()) {
    OnWorkerDied(news.message.slot, dead.mapped());
  }
}

// --- Deaths ---

void Supervisor::ReapAll() {
  while (const auto reaped = ReapAny()) {
    if (gateway_.has_value() && reaped->pid == gateway_->process.pid) {
      OnGatewayDied(reaped->status);
      continue;
    }
    bool known = false;
    if (scout_.has_value() && scout_->process.pid == reaped->pid) {
      OnScoutDied(reaped->status);
      continue;
    }
    for (auto model = models_.begin(); model != models_.end() && !known; ++model) {
      const std::optional<Zygote>& zygote = model->second.zygote;
      known = zygote.has_value() && zygote->process.pid == reaped->pid;
      if (known) OnZygoteDied(model->first, reaped->status);
    }
    for (const auto& [slot, worker] : workers_) {
      if (known) break;
      known = worker.known && worker.process.pid == reaped->pid;
      if (known) {
        OnWorkerDied(slot, reaped->status);
        break;  // The table has changed.
      }
    }
    // As PID 1 we also reap strangers; the bound keeps them from piling up.
    if (!known && limbo_.size() < 1024) limbo_[reaped->pid] = reaped->status;
  }
}

void Supervisor::OnGatewayDied(const ExitStatus& status) {
  DrainLines(gateway_->events, "gateway", LogLevel::kInfo);
  DrainLines(gateway_->metrics, "gateway", LogLevel::kInfo);
  DrainLines(gateway_->stderr_lines, "gateway", LogLevel::kWarning);
  log_.Error("gateway-died", {{"pid", gateway_->process.pid},
                              {"exit", FormatExit(status)},
                              {"last_words", gateway_->stderr_lines.LastWords()}});
  ForgetLines(gateway_->events);
  ForgetLines(gateway_->metrics);
  ForgetLines(gateway_->stderr_lines);
  poller_.Remove(gateway_->channel.fd());
  gateway_.reset();
  orders_.clear();
  if (draining_) {
    exit_code_ = 0;
    return;
  }
  for (auto entry = workers_.begin(); entry != workers_.end();) {
    // A worker that is only ordered is killed when its kForked comes: see OnForked.
    const bool only_ordered = !entry->second.known;
    if (only_ordered) ForgetLines(entry->second.stderr_lines);
    entry = only_ordered ? workers_.erase(entry) : std::next(entry);
  }
  fleet_.GatewayDied(Now());
}

void Supervisor::OnZygoteDied(ServableId servable, const ExitStatus& status) {
  Model& model = models_.at(servable);
  OnZygoteMessage(servable);  // Workers that it still forked, and why it failed.
  Zygote& zygote = *model.zygote;
  DrainLines(zygote.stderr_lines, "zygote " + NameOf(servable), LogLevel::kDebug);
  std::string words = zygote.stderr_lines.LastWords();
  const std::string exit = FormatExit(status);
  const auto explained = explainer_.Explain(status, zygote.our_reason);
  // What clients add is refused where it does not fit: then they let go of others.
  const bool no_room = OnDemand() && explained.cause == DeathCause::kOutOfMemory;
  if (no_room && !model.loaded.has_value()) model.failure = Reason::kInsufficientResources;
  const bool broken = model.failure == Reason::kBadModel || model.failure == Reason::kNotFound ||
                      model.failure == Reason::kUsage || model.failure == Reason::kUnavailable;
  const std::string name = NameOf(servable);  // Fields only refer to what they show.
  const std::string why =
      broken ? words : fmt::format("the zygote of {} ended: {}, {}", name, exit, explained.words);
  const auto fields = {LogField("model", name), LogField("pid", zygote.process.pid),
                       LogField("exit", exit), LogField("explanation", explained.words),
                       LogField("last_words", words)};
  if (model.unloading) {
    log_.Info("zygote-died", fields);
  } else {
    log_.Error(broken ? "model-refused" : "zygote-died", fields);
    model.failure_words = why;
  }
  ForgetLines(zygote.stderr_lines);
  if (zygote.channel.open()) poller_.Remove(zygote.channel.fd());
  model.zygote.reset();
  for (auto entry = workers_.begin(); entry != workers_.end();) {
    // Orders that died with it. What it forked is known by now.
    const bool lost =
        !entry->second.known && fleet_.slots().at(entry->first.value).servable == servable;
    if (lost) ForgetLines(entry->second.stderr_lines);
    entry = lost ? workers_.erase(entry) : std::next(entry);
  }
  const bool hopeless = broken || model.failure == Reason::kInsufficientResources;
  fleet_.ZygoteDied(servable, hopeless ? Fleet::Prospect::kHopeless : Fleet::Prospect::kMayRecover,
                    why, Now());
}

void Supervisor::OnWorkerDied(SlotId slot, const ExitStatus& status) {
  workers_.at(slot).process.pidfd.reset();  // Its number is nobody's now.
  // Why it had to go may be on its way: one that the gateway gives up sees its channel end, and may
  // leave before we are told.
  OnGatewayMessage();
  auto node = workers_.extract(slot);
  Worker& worker = node.mapped();
  const ServableId servable = fleet_.slots().at(slot.value).servable;
  DrainLines(worker.stderr_lines, "worker", LogLevel::kWarning);
  ForgetLines(worker.stderr_lines);
  const auto explained = explainer_.Explain(status, worker.our_reason);
  const DeathReport report{
      .pid = worker.process.pid,
      .exit = FormatExit(status),
      .explanation = explained.words,
      .peak_rss_bytes = status.peak_rss_bytes,
      .age_ms = static_cast<std::uint64_t>(Milliseconds(Now() - worker.started)),
      .last_words = worker.stderr_lines.LastWords()};
  const Result<UniqueFd> memory = MakeSealedText("holdfast-death", EncodeDeathReport(report));
  if (memory && gateway_.has_value() && gateway_->greeted) {
    // The gateway knows what was on board, and writes the whole story as one line.
    TellGateway({.kind = MessageKind::kWorkerDied,
                 .slot = slot,
                 .generation = worker.generation,
                 .servable = servable,
                 .code = static_cast<std::uint32_t>(explained.cause)},
                {memory->get()});
  } else {
    log_.Warning("worker-died", {{"model", NameOf(servable)},
                                 {"slot", slot.value},
                                 {"generation", worker.generation.value},
                                 {"pid", report.pid},
                                 {"cause", DeathCauseWord(explained.cause)},
                                 {"exit", report.exit},
                                 {"explanation", report.explanation},
                                 {"last_words", report.last_words}});
  }
  // Starved by a drill: that says nothing of how many workers the memory has room for.
  const bool drilled = worker.starved && explained.cause == DeathCause::kOutOfMemory;
  fleet_.WorkerDied(slot, worker.generation, drilled ? DeathCause::kExited : explained.cause,
                    Now());
  if (draining_) EndIfWithoutWorkers(servable);
}

// While draining no process starts: what waits for a servable without workers must not wait for its
// deadline.
void Supervisor::EndIfWithoutWorkers(ServableId servable) {
  const bool none = std::none_of(workers_.begin(), workers_.end(), [&](const auto& entry) {
    return fleet_.slots().at(entry.first.value).servable == servable;
  });
  if (none) TellGateway({.kind = MessageKind::kServableFailed, .servable = servable});
}

}  // namespace holdfast
