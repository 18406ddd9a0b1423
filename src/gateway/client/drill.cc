// SPDX-License-Identifier: Apache-2.0
#include "gateway/client/drill.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "gateway/client/admin_client.h"
#include "gateway/client/drill_load.h"
#include "gateway/client/metrics_text.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

constexpr std::chrono::milliseconds kAdminTime{5'000};
constexpr auto kWatchTime = std::chrono::seconds(1);
constexpr auto kPoll = std::chrono::milliseconds(10);
// How long a fault may take until its worker ends. A stopped worker is found by its silence.
constexpr auto kEffectTime = std::chrono::seconds(15);
constexpr auto kRespawnTime = std::chrono::seconds(30);
constexpr double kModestShare = 0.25;
constexpr double kRateMax = 500;

constexpr const char* kAccepted = "holdfast_requests_accepted_total";
constexpr const char* kAnswered = "holdfast_requests_answered_total";
constexpr const char* kInFlight = "holdfast_requests_in_flight";
constexpr const char* kUnaccounted = "holdfast_requests_unaccounted";
constexpr const char* kRefused = "holdfast_refused_total";
constexpr const char* kRescued = "holdfast_items_rescued_total";
constexpr const char* kExits = "holdfast_worker_exits_total";
constexpr const char* kWorkersReady = "holdfast_workers_ready";
constexpr const char* kRespawns = "holdfast_worker_respawn_seconds_count";
constexpr const char* kRespawnSeconds = "holdfast_worker_respawn_seconds_sum";

// There is nothing to await but the time: the server is looked at again and again.
void Pause(Duration time) { std::this_thread::sleep_for(time); }

class Drill {
 public:
  Drill(const DrillOptions& options, const std::function<void(const DrillEvent&)>& tell)
      : options_(options), tell_(tell), load_(options.admin, options.pictures) {}

  Result<DrillReport> Run() {
    const MetricsText quiet = TRY(Scrape());
    workers_ = quiet.Sum(kWorkersReady);
    if (workers_ == 0) return Error{Reason::kNoWorker, "no worker is ready; nothing to drill"};
    TRY_DO(CheckTraffic(quiet));
    if (!options_.watch) {
      const Duration service = TRY(load_.Learn());
      report_.per_second = options_.per_second;
      if (report_.per_second == 0) report_.per_second = ModestRate(service);
    }
    const MetricsText before = TRY(Scrape());
    const TimePoint start = Now();
    if (!options_.watch) load_.Start(report_.per_second);
    const Status injected = InjectUntil(start + options_.duration);
    load_.Stop();
    TRY_DO(Status(injected));
    report_.seconds = Seconds(Now() - start);
    const MetricsText after = TRY(AwaitQuiet());
    Sum(before, after);
    return std::move(report_);
  }

 private:
  Result<MetricsText> Scrape() const {
    return MetricsText::Parse(TRY(AskAdmin(options_.admin, "GET", "/metrics", kAdminTime)));
  }

  Status CheckTraffic(const MetricsText& before) const {
    if (options_.among_traffic) return {};
    Pause(kWatchTime);
    const MetricsText after = TRY(Scrape());
    const std::uint64_t others = after.Sum(kAccepted) - before.Sum(kAccepted);
    if (others == 0) return {};
    return Error{Reason::kUsage,
                 fmt::format("the server has real traffic ({} requests in a second); give --yes to "
                             "drill it all the same",
                             others)};
  }

  double ModestRate(Duration service) const {
    const double capacity = static_cast<double>(workers_) / std::max(Seconds(service), 1e-4);
    return std::clamp(kModestShare * capacity, 1.0, kRateMax);
  }

  Status InjectUntil(TimePoint end) {
    TimePoint next = Now();
    for (std::size_t i = 0; next < end; ++i) {
      Pause(std::max(next - Now(), Duration::zero()));
      TRY_DO(InjectOne(options_.faults[i % options_.faults.size()]));
      next = std::max(next + options_.every, Now());
    }
    Pause(std::max(end - Now(), Duration::zero()));
    return {};
  }

  Status InjectOne(DrillFault fault) {
    const MetricsText before = TRY(Scrape());
    const Result<RemoteDrill> worker = OrderDrill(options_.admin, fault, kAdminTime);
    if (!worker) {
      // None is ready just now: that is what a drill may bring about.
      if (worker.error().reason == Reason::kNoWorker) return {};
      return Status(Error(worker.error()));
    }
    DrillEvent event{
        .fault = fault, .model = worker->model, .slot = worker->slot, .pid = worker->pid};
    TRY_DO(AwaitRespawn(before, event));
    tell_(event);
    report_.events.push_back(std::move(event));
    return {};
  }

  // Waits for the worker's end, and then for as many ready workers as there were at first. How long
  // that took is the server's to say, who sees it happen.
  Status AwaitRespawn(const MetricsText& before, DrillEvent& event) const {
    const TimePoint injected = Now();
    for (;;) {
      const MetricsText metrics = TRY(Scrape());
      const bool ended = metrics.Sum(kExits) > before.Sum(kExits);
      const std::uint64_t respawns = metrics.Sum(kRespawns) - before.Sum(kRespawns);
      if (ended && respawns > 0 && metrics.Sum(kWorkersReady) >= workers_) {
        const double seconds = metrics.Value(kRespawnSeconds) - before.Value(kRespawnSeconds);
        event.worker_ended = true;
        event.respawn = std::chrono::duration_cast<Duration>(
            std::chrono::duration<double>(seconds / static_cast<double>(respawns)));
        return {};
      }
      if (!ended && Now() - injected > kEffectTime) return {};
      if (Now() - injected > kRespawnTime) {
        return Error{Reason::kNoWorker, "a worker that ended was not replaced within 30 s"};
      }
      Pause(kPoll);
    }
  }

  // What the server has at the end. With others' traffic it is never quiet, only accounted for.
  Result<MetricsText> AwaitQuiet() const {
    const TimePoint until = Now() + kRespawnTime;
    for (;;) {
      MetricsText metrics = TRY(Scrape());
      if (metrics.Sum(kInFlight) == 0 || options_.among_traffic || options_.watch ||
          Now() > until) {
        return metrics;
      }
      Pause(kPoll);
    }
  }

  void Sum(const MetricsText& before, const MetricsText& after) {
    const auto counted = [&](const char* name) {
      return std::max(after.Sum(name), before.Sum(name)) - before.Sum(name);
    };
    const auto counted_by = [&](const char* name, const char* label) {
      return CountedBetween(before.ByLabel(name, label), after.ByLabel(name, label));
    };
    report_.watched = options_.watch;
    report_.rescues = counted(kRescued);
    report_.exits = counted_by(kExits, "cause");
    if (options_.watch) {
      report_.offered = counted(kAccepted);
      report_.refused = counted_by(kRefused, "reason");
      report_.answered = counted(kAnswered);
      report_.lost = after.Sum(kUnaccounted);
      return;
    }
    const DrillLoad::Ledger ledger = load_.ledger();
    report_.offered = ledger.offered;
    report_.answered = ledger.answered;
    report_.late = ledger.late;
    report_.wrong = ledger.wrong;
    report_.lost = std::max(ledger.lost, after.Sum(kUnaccounted));
    report_.refused = ledger.refused;
  }

  const DrillOptions& options_;
  const std::function<void(const DrillEvent&)>& tell_;
  DrillLoad load_;
  std::uint64_t workers_ = 0;  // Ready at the start.
  DrillReport report_;
};

}  // namespace

Result<DrillReport> RunDrill(const DrillOptions& options,
                             const std::function<void(const DrillEvent&)>& tell) {
  return Drill(options, tell).Run();
}

}  // namespace holdfast
