// SPDX-License-Identifier: Apache-2.0
// Versions of models: how one comes and goes while the server serves.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "ipc/offer_list.h"
#include "ipc/scout_options.h"
#include "os/message_socket.h"
#include "os/shared_memory.h"
#include "os/steady_clock.h"
#include "supervisor/supervisor.h"

namespace holdfast {
namespace {

constexpr auto kScoutDelay = std::chrono::seconds(1);
// A request that came before its version was retired ends by its deadline; this is on top.
constexpr auto kRetireSlack = std::chrono::seconds(1);
// On what is expected of a new version's memory.
constexpr double kMemoryMargin = 1.2;
constexpr std::uint32_t kCrowd = 4;

}  // namespace

void Supervisor::FollowRoster() {
  if (draining_) return;
  for (auto actions = roster_.Decide(); !actions.empty(); actions = roster_.Decide()) {
    for (const RosterAction& action : actions) Carry(action);
  }
  PrintPlanOnce();
  if (!gateway_.has_value() || !gateway_->greeted) return;
  TellServables();
  AnswerOrders();  // Whoever is told that something is done finds it done.
}

void Supervisor::TellServables() {
  ServableList list = ListServables();
  if (listed_ == list) return;
  const Result<UniqueFd> memory = MakeSealedText("holdfast-servables", EncodeServableList(list));
  if (!memory) return;
  TellGateway({.kind = MessageKind::kServables}, {memory->get()});
  listed_ = std::move(list);
}

void Supervisor::Carry(const RosterAction& action) {
  struct Visitor {
    Supervisor& self;
    void operator()(const LoadVersion& load) const { self.LoadVersionOf(load.offer); }
    void operator()(const ActivateVersion& activate) const {
      self.models_.at(activate.servable).state = ServableState::kAvailable;
      self.log_.Info("model-activated", {{"model", self.NameOf(activate.servable)}});
    }
    void operator()(const RetireVersion& retire) const {
      Model& model = self.models_.at(retire.servable);
      model.state = ServableState::kUnloading;
      model.retire_until = Now() + Duration(self.options_.gateway.deadline_max) + kRetireSlack;
      self.log_.Info("model-retiring", {{"model", self.NameOf(retire.servable)}});
    }
    void operator()(const UnloadVersion& unload) const {
      Model& model = self.models_.at(unload.servable);
      model.unloading = true;
      model.retire_until = kNever;
      self.fleet_.RemoveServable(unload.servable);
    }
    void operator()(const RolloutStarted& started) const {
      self.log_.Info("rollout-started", {{"model", FormatKey(started.key)},
                                         {"kind", RolloutKindWord(started.rule.kind)},
                                         {"percent", started.rule.percent},
                                         {"window_s", started.rule.window.count()}});
    }
    void operator()(const RolloutEnded& ended) const { self.LogRolloutEnd(ended); }
  };
  std::visit(Visitor{*this}, action);
}

void Supervisor::LogRolloutEnd(const RolloutEnded& ended) {
  const std::string name = FormatKey(ended.key);
  const auto fields = {LogField("model", name), LogField("kind", RolloutKindWord(ended.kind)),
                       LogField("end", RolloutEndWord(ended.end)), LogField("why", ended.why)};
  if (ended.end == RolloutEnd::kRolledBack || ended.end == RolloutEnd::kFailed) {
    log_.Warning("rollout-ended", fields);
  } else {
    log_.Info("rollout-ended", fields);
  }
}

void Supervisor::LoadVersionOf(const Offer& offer) {
  const std::uint32_t workers = WorkersPerVersion();
  if (const Status fits = CheckMemoryFor(offer, workers); !fits) {
    log_.Error("model-does-not-fit",
               {{"model", FormatKey(offer.key)}, {"why", fits.error().message}});
    roster_.Failed(offer.key, fits.error().reason, fits.error().message);
    return;
  }
  const ServableId id = fleet_.AddServable(workers);
  models_.try_emplace(id, Model{.offer = offer, .workers = workers});
  roster_.Started(offer.key, id);
}

// As many as asked for each version. Without a wish each has one a core, so that it can use what
// the others leave; the gateway lets no more items run than there are cores. Workers of many
// versions would mostly cost memory: there are at most kCrowd times as many as cores.
std::uint32_t Supervisor::WorkersPerVersion() const {
  if (!options_.workers_by_host) return options_.workers;
  const auto versions =
      static_cast<std::uint32_t>(std::max<std::size_t>(roster_.wanted().size(), 1));
  return std::clamp((kCrowd * options_.workers + versions - 1) / versions, 1u, options_.workers);
}

// Beside what serves, a new version must not make the kernel kill anybody. What it takes is judged
// by the version that it follows.
Status Supervisor::CheckMemoryFor(const Offer& offer, std::uint32_t workers) const {
  const auto limit = cgroup_.MemoryLimit();
  const auto usage = cgroup_.MemoryHeld();
  // At a start, somebody has looked at all models together.
  const bool looked_at = !ever_loaded_ && !OnDemand();
  if (!limit.has_value() || !usage.has_value() || looked_at) return {};
  double needed = static_cast<double>(offer.bytes);
  for (const auto& [id, model] : models_) {
    if (model.offer.key.name != offer.key.name || !model.loaded.has_value()) continue;
    const double growth = static_cast<double>(model.loaded->zygote_bytes) /
                          static_cast<double>(std::max<std::uint64_t>(model.offer.bytes, 1));
    needed = std::max(1.0, growth) * static_cast<double>(offer.bytes) +
             static_cast<double>(workers) * static_cast<double>(model.loaded->worker_bytes);
  }
  needed *= kMemoryMargin;
  const double free = static_cast<double>(*limit) - static_cast<double>(std::min(*usage, *limit));
  if (needed <= free) return {};
  return Error{
      Reason::kInsufficientResources,
      fmt::format("{} would need about {:.0f} MiB beside what is served, and {:.0f} MiB "
                  "of the memory limit of {} MiB are free",
                  FormatKey(offer.key), needed / (1 << 20), free / (1 << 20), *limit >> 20)};
}

void Supervisor::OnServableFailed(ServableId servable) {
  Model& model = models_.at(servable);
  const bool broken = model.failure != Reason::kOk;
  if (!broken) log_.Error("crash-budget-spent", {{"model", NameOf(servable)}});
  TellGateway({.kind = MessageKind::kServableFailed, .servable = servable});
  if (model.failure != Reason::kOk) last_failure_ = model.failure;
  if (model.state != ServableState::kUnloading) model.state = ServableState::kEnd;
  roster_.Failed(model.offer.key, broken ? model.failure : Reason::kNoWorker,
                 model.failure_words.empty() ? "its workers keep dying" : model.failure_words);
}

void Supervisor::OnServableGone(ServableId servable) {
  log_.Info("model-unloaded", {{"model", NameOf(servable)}});
  models_.erase(servable);
}

void Supervisor::EndRetired(TimePoint now) {
  for (auto& [id, model] : models_) {
    if (model.retire_until > now) continue;
    log_.Warning("model-not-drained", {{"model", NameOf(id)}});
    model.retire_until = kNever;
    roster_.Drained(id);
  }
}

ServableList Supervisor::ListServables() const {
  ServableList list{
      .servables = {}, .labels = roster_.labels(), .rollouts = roster_.rollouts(), .folders = {}};
  if (OnDemand() && configured_.has_value()) {
    for (const ServedModel& model : configured_->models) {
      list.folders[model.name] = model.base_path.string();
    }
  }
  for (const auto& [id, model] : models_) {
    if (model.unloading) continue;
    ServableStatus status{.key = model.offer.key, .state = model.state, .message = ""};
    const auto refusal = roster_.refusals().find(model.offer.key);
    if (model.state == ServableState::kEnd && refusal != roster_.refusals().end()) {
      status.reason = refusal->second.reason;
      status.message = refusal->second.why;
    }
    list.servables.push_back({id, std::move(status)});
  }
  for (const auto& [key, refusal] : roster_.refusals()) {
    const bool listed = std::ranges::any_of(
        list.servables, [&key = key](const auto& other) { return other.status.key == key; });
    if (listed) continue;
    list.servables.push_back({std::nullopt,
                              {.key = key,
                               .state = ServableState::kEnd,
                               .reason = refusal.reason,
                               .message = refusal.why}});
  }
  return list;
}

// --- The scout ---

void Supervisor::AskForVersions() {
  scan_asked_ = true;
  if (scout_.has_value() && scout_->channel.Send({.kind = MessageKind::kScan})) scan_asked_ = false;
}

void Supervisor::KeepScout(TimePoint now) {
  if (scout_.has_value() || !plan_printed_ || draining_ || now < scout_not_before_) return;
  scout_not_before_ = now + kScoutDelay;
  const auto start = [this]() -> Status {
    auto [ours, theirs] = TRY(MessageSocketPair());
    Pipe errors = MakePipe();
    std::vector<std::string> arguments{"scout"};
    const ScoutOptions options{.folders = configured_.value_or(options_.folders),
                               .config_file = options_.model_config_file,
                               .file_is_old = configured_.has_value(),
                               .mirror = options_.mirror,
                               .credential_files = options_.credential_files,
                               .period = options_.repository_poll};
    for (std::string& word : ToArguments(options).Words()) arguments.push_back(std::move(word));
    const bool remote = !options_.mirror.source.empty();
    Process process =
        TRY(Spawn({.executable = options_.executables / (remote ? "holdfast-mirror" : "holdfast"),
                   .arguments = std::move(arguments),
                   .environment = {},
                   .descriptors = {theirs.get()},
                   .stdio = errors.write.get()}));
    scout_.emplace(Scout{.process = std::move(process),
                         .channel = Channel(std::move(ours)),
                         .stderr_lines = LineReader(std::move(errors.read))});
    WatchLines(scout_->stderr_lines, "scout", LogLevel::kWarning);
    return poller_.Add(scout_->channel.fd(), [this] { OnScoutMessage(); });
  };
  if (const Status started = start(); !started) {
    log_.Warning("cannot start the scout", {{"error", started.error().message}});
    return;
  }
  if (scan_asked_) AskForVersions();
}

void Supervisor::OnScoutMessage() {
  Channel::Incoming news;
  while (scout_.has_value() && scout_->channel.open()) {
    const auto state = scout_->channel.Receive(news);
    if (state == Channel::State::kNothingYet) return;
    if (state == Channel::State::kClosed) {
      poller_.Remove(scout_->channel.fd());
      scout_->channel.Close();
      SendSignal(scout_->process.pidfd, SIGKILL);
      return;
    }
    if (news.message.kind == MessageKind::kCredentialsSeen) OnCredentials(news);
    if (news.message.kind != MessageKind::kOffers) continue;
    Result<Offering> offering = DecodeOffering(ReadSealedText(news.descriptors[0]));
    if (!offering) continue;
    log_.Debug("offers", {{"versions", offering->offers.size()}});
    roster_.Offered(*std::move(offering));
    if (news.message.code == 0) continue;
    for (PendingOrder& order : orders_) order.looked = true;
    TakeRollouts();
  }
}

void Supervisor::OnScoutDied(const ExitStatus& status) {
  OnScoutMessage();
  DrainLines(scout_->stderr_lines, "scout", LogLevel::kWarning);
  log_.Warning("scout-died", {{"pid", scout_->process.pid}, {"exit", FormatExit(status)}});
  ForgetLines(scout_->stderr_lines);
  if (scout_->channel.open()) poller_.Remove(scout_->channel.fd());
  scout_.reset();
}

}  // namespace holdfast
