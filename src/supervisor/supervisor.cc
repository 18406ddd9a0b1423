// SPDX-License-Identifier: Apache-2.0
#include "supervisor/supervisor.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "base/build_id.h"
#include "os/process_title.h"
#include "os/shared_memory.h"
#include "os/signals.h"
#include "os/steady_clock.h"
#include "os/system_error.h"

namespace holdfast {
namespace {

constexpr auto kLateness = std::chrono::milliseconds(50);
constexpr auto kLogRetry = std::chrono::milliseconds(100);
constexpr auto kReapRetry = std::chrono::milliseconds(5);
constexpr auto kGatewayEarlier = std::chrono::milliseconds(250);
constexpr auto kLastWordsTime = std::chrono::milliseconds(500);

}  // namespace

Result<std::unique_ptr<Supervisor>> Supervisor::Open(SupervisorOptions options) {
  Listeners listeners{.http = TRY(Listen(options.bind_address, options.http_port)),
                      .grpc = TRY(Listen(options.bind_address, options.grpc_port)),
                      .admin = TRY(Listen(options.admin_address, options.admin_port))};
  for (const char* name : {"holdfast-gateway", "holdfast-worker"}) {
    if (::access((options.executables / name).c_str(), X_OK) != 0) {
      return SystemError("start " + (options.executables / name).string(), Reason::kUnavailable);
    }
  }
  if (!options.port_file.empty()) {
    TRY_DO(WritePortFile(options.port_file, listeners.ports()));
  }
  UniqueFd credentials;
  if (options.credentials.any()) {
    credentials =
        TRY(MakeSealedText("holdfast-credentials", EncodePortCredentials(options.credentials)));
  }
  UniqueFd signals = TRY(OpenSignals({SIGTERM, SIGINT, SIGHUP, SIGCHLD}));
  TRY_DO(BecomeSubreaper());
  Poller poller = TRY(Poller::Open());
  std::unique_ptr<Supervisor> supervisor(new Supervisor(std::move(options), std::move(poller),
                                                        std::move(signals), std::move(listeners)));
  supervisor->credentials_ = std::move(credentials);
  return supervisor;
}

Supervisor::Supervisor(SupervisorOptions options, Poller poller, UniqueFd signals,
                       Listeners listeners)
    : options_(std::move(options)),
      poller_(std::move(poller)),
      signals_(std::move(signals)),
      listeners_(std::move(listeners)),
      explainer_(cgroup_),
      stderr_sink_(STDERR_FILENO),
      stdout_sink_(STDOUT_FILENO),
      log_(stderr_sink_, options_.log),
      fleet_(options_.fleet),
      roster_(options_.version_policy, options_.trial) {
  options_.gateway.build = BuildDigest(BuildId());
  options_.gateway.credentials = options_.credentials.any();
  roster_.Offered({.offers = options_.offers, .rules = RulesOf(options_.folders)});
}

int Supervisor::Run() {
  SetProcessTitle("holdfast: supervisor", "holdfast");
  log_.Info("listening", {{"address", options_.bind_address},
                          {"http_port", listeners_.http.port},
                          {"grpc_port", listeners_.grpc.port},
                          {"admin_address", options_.admin_address},
                          {"admin_port", listeners_.admin.port},
                          {"version", Version()},
                          {"build", BuildId()}});
  if (!options_.no_graph_cache.empty()) {
    log_.Info("graph-cache-off", {{"why", options_.no_graph_cache}});
  }
  const Status watched = poller_.Add(signals_.get(), [this] {
    for (const int signal : ReadSignals(signals_.get())) OnSignal(signal);
  });
  if (!watched) return Describe(watched.error().reason).exit_code;
  while (!exit_code_.has_value()) {
    const TimePoint round_start = Now();
    EndRetired(Now());
    CarryAll();
    KeepScout(Now());
    CheckDrain(Now());
    WatchMemory(Now());
    stderr_sink_.Flush();
    stdout_sink_.Flush();
    if (exit_code_.has_value()) break;
    const TimePoint wake = NextWake();
    const Status waited = poller_.Wait(wake);
    // Whoever slept must not judge: a frozen host looks like children that do not answer.
    const Duration late = wake == kNever ? Duration::zero() : Now() - std::max(wake, round_start);
    if (late > kLateness) fleet_.HostSlept(late);
    if (!waited) {
      log_.Error("cannot wait for events", {{"error", waited.error().message}});
      exit_code_ = Describe(waited.error().reason).exit_code;
    }
  }
  StopChildren();
  // The reader gets a moment to take the last lines; a stuck one must not keep us from ending.
  for (const TimePoint until = Now() + kLastWordsTime; stderr_sink_.pending() && Now() < until;) {
    (void)poller_.Wait(Now() + kLogRetry);
    stderr_sink_.Flush();
  }
  return *exit_code_;
}

// What the one decides may give the other something to decide.
void Supervisor::CarryAll() {
  for (bool more = true; more && !exit_code_.has_value();) {
    FollowRoster();
    const std::vector<FleetAction> actions = fleet_.Decide(Now());
    for (const FleetAction& action : actions) Carry(action);
    more = !actions.empty();
  }
}

TimePoint Supervisor::NextWake() const {
  TimePoint wake = std::min(fleet_.NextWake(), drain_until_);
  for (const auto& [id, model] : models_) wake = std::min(wake, model.retire_until);
  if (!scout_.has_value() && plan_printed_ && !draining_) wake = std::min(wake, scout_not_before_);
  if (!workers_.empty() && !draining_) wake = std::min(wake, memory_check_);
  if (stderr_sink_.pending() || stdout_sink_.pending()) wake = std::min(wake, Now() + kLogRetry);
  return wake;
}

// --- Signals and the end ---

void Supervisor::OnSignal(int signal) {
  switch (signal) {
    case SIGCHLD:
      // Whoever ends after the decision to end has not died: it was stopped, see StopChildren().
      if (!exit_code_.has_value()) ReapAll();
      return;
    case SIGHUP:
      log_.Info("reload-asked", {{"by", "SIGHUP"}});
      roster_.LoadAsked(std::nullopt);
      AskForVersions();
      return;
    default:
      if (draining_) {
        log_.Warning("stopping-at-once", {{"why", "a second signal while draining"}});
        exit_code_ = 0;
      } else {
        StartDrain();
      }
  }
}

void Supervisor::StartDrain() {
  draining_ = true;
  drain_until_ = Now() + options_.drain_timeout;
  fleet_.Drain();
  log_.Info("draining", {{"at_most_s", Seconds(options_.drain_timeout)}});
  if (gateway_.has_value() && gateway_->greeted) {
    // The gateway ends first, and can say what it leaves undone.
    const auto whole = std::chrono::duration_cast<Duration>(options_.drain_timeout);
    const Duration budget = std::max<Duration>(whole - kGatewayEarlier, whole / 2);
    TellGateway({.kind = MessageKind::kDrain, .value = static_cast<std::uint64_t>(budget.count())});
    for (const auto& [id, model] : models_) EndIfWithoutWorkers(id);
    // The gateway's copies are the last: when it closes them, nobody waits in vain.
    listeners_.Close();
  } else {
    exit_code_ = 0;  // No gateway has read anything.
  }
}

void Supervisor::CheckDrain(TimePoint now) {
  if (!draining_ || exit_code_.has_value() || now < drain_until_) return;
  log_.Warning("gateway-not-drained", {{"after_s", Seconds(options_.drain_timeout)},
                                       {"effect", "what is still in flight is abandoned"}});
  exit_code_ = 0;
}

// They would die with us in any case; whoever waits for us shall find none of them left.
void Supervisor::StopChildren() {
  for (auto& [slot, worker] : workers_) {
    if (worker.process.pidfd) SendSignal(worker.process.pidfd, SIGKILL);
  }
  for (auto& [id, model] : models_) {
    if (model.zygote.has_value()) SendSignal(model.zygote->process.pidfd, SIGKILL);
  }
  if (scout_.has_value()) SendSignal(scout_->process.pidfd, SIGKILL);
  if (gateway_.has_value()) {
    DrainLines(gateway_->events, "gateway", LogLevel::kInfo);
    DrainLines(gateway_->metrics, "gateway", LogLevel::kInfo);
    SendSignal(gateway_->process.pidfd, SIGKILL);
  }
  const TimePoint until = Now() + kLastWordsTime;
  while (HasChildren() && Now() < until) {
    while (ReapAny().has_value()) {
    }
    if (HasChildren()) (void)poller_.Wait(std::min(until, Now() + kReapRetry));
  }
  log_.Info("stopped", {{"exit_code", *exit_code_}});
  // The last line of all says why.
  if (!give_up_why_.empty()) {
    log_.Error("giving-up", {{"why", give_up_why_}, {"exit_code", *exit_code_}});
  }
}

void Supervisor::GiveUpWith(const std::string& why) {
  Reason reason = ever_loaded_ ? Reason::kInternal : Reason::kBadModel;
  if (!ever_loaded_ && last_failure_ != Reason::kOk) reason = last_failure_;
  exit_code_ = Describe(reason).exit_code;
  give_up_why_ = why;
}

// --- What the children write ---

void Supervisor::WatchLines(LineReader& lines, const std::string& role, LogLevel level) {
  // The reader's place in its owner is stable: workers_ is a map, the others are optionals.
  const Status watched =
      poller_.Add(lines.fd(), [this, &lines, role, level] { DrainLines(lines, role, level); });
  if (!watched) lines.Close();
}

void Supervisor::DrainLines(LineReader& lines, const std::string& role, LogLevel level) {
  if (!lines.open()) return;
  const bool events = gateway_.has_value() && &lines == &gateway_->events;
  const bool metrics = gateway_.has_value() && &lines == &gateway_->metrics;
  const bool goes_on = lines.Read([&](const std::string& line) {
    if (events) {
      stderr_sink_.WriteLine(line);  // A finished log line of the gateway's.
    } else if (metrics) {
      stdout_sink_.WriteLine(line);
    } else if (log_.Writes(level)) {
      const auto fields = {LogField("from", role), LogField("line", line)};
      level == LogLevel::kDebug ? log_.Debug("stderr", fields) : log_.Warning("stderr", fields);
    }
  });
  if (!goes_on) ForgetLines(lines);
}

void Supervisor::ForgetLines(LineReader& lines) {
  if (!lines.open()) return;
  poller_.Remove(lines.fd());
  lines.Close();
}

// --- Words to others ---

void Supervisor::TellGateway(const Message& message, std::initializer_list<int> descriptors) {
  if (gateway_.has_value()) gateway_->channel.Send(message, descriptors);
}

void Supervisor::TellCredentials() {
  if (!credentials_ || !gateway_.has_value() || !gateway_->greeted) return;
  TellGateway({.kind = MessageKind::kCredentials}, {credentials_.get()});
}

void Supervisor::OnCredentials(Channel::Incoming& news) {
  const std::string text = ReadSealedText(news.descriptors[0]);
  if (ReasonFromNumber(news.message.code) != Reason::kOk) {
    log_.Error("credentials-not-taken", {{"why", text}, {"effect", "the last ones serve on"}});
    return;
  }
  if (text == ReadSealedText(credentials_)) return;
  credentials_ = std::move(news.descriptors[0]);
  log_.Info("credentials-changed");
  TellCredentials();
}

void Supervisor::AnnounceServable(ServableId servable) {
  const Model& model = models_.at(servable);
  if (!gateway_.has_value() || !gateway_->greeted || model.unloading) return;
  if (model.description) {
    TellGateway({.kind = MessageKind::kServable, .servable = servable}, {model.description.get()});
  }
  if (fleet_.failed(servable)) {
    TellGateway({.kind = MessageKind::kServableFailed, .servable = servable});
  }
}

void Supervisor::PrintPlanOnce() {
  if (plan_printed_) return;
  for (const auto& [key, version] : roster_.versions()) {
    if (!version.loaded && !version.failed) return;
  }
  plan_printed_ = true;
  std::vector<PlannedModel> planned;
  for (const auto& [key, refusal] : roster_.refusals()) {
    planned.push_back({.key = key, .workers = 0, .loaded = std::nullopt});
  }
  for (const auto& [id, model] : models_) {
    if (!model.loaded.has_value()) continue;
    planned.push_back({.key = model.offer.key, .workers = model.workers, .loaded = model.loaded});
  }
  std::string plan = FormatStartupPlan(options_, listeners_.ports(), planned);
  plan.pop_back();
  stdout_sink_.WriteLine(plan);
}

std::string Supervisor::NameOf(ServableId servable) const {
  const auto model = models_.find(servable);
  return model == models_.end() ? "" : FormatKey(model->second.offer.key);
}

}  // namespace holdfast
