// SPDX-License-Identifier: Apache-2.0
// What the service says of itself: health and levels.
#include <algorithm>

#include "gateway/inference_service.h"
#include "os/wall_clock.h"

namespace holdfast {
namespace {

// Workers come back in milliseconds; this long without one is more than a respawn.
constexpr auto kWithoutWorkerMax = std::chrono::seconds(3);
constexpr auto kWithoutProgressMax = std::chrono::seconds(10);

}  // namespace

void InferenceService::SetSuspect(ServableId servable, bool suspect) {
  if (suspect) {
    suspects_.insert(servable);
  } else {
    suspects_.erase(servable);
  }
}

bool InferenceService::idle(ServableId servable) const {
  return std::none_of(calls_.begin(), calls_.end(), [servable](const auto& entry) {
    return entry.second.call.servable == servable;
  });
}

// One place stays free for the next client; where there is only one at all, it must be idle.
bool InferenceService::HasRoomToSpare(ServableId servable) const {
  const std::size_t running = scheduler_.running();
  if (scheduler_.queued() > 0 || scheduler_.ReadyWorkers(servable) == 0) return false;
  return running == 0 || running_max_ == 0 || running + 1 < running_max_;
}

TimePoint InferenceService::last_answer(ServableId servable) const {
  const auto answer = last_answers_.find(servable);
  return answer == last_answers_.end() ? TimePoint::min() : answer->second;
}

bool InferenceService::healthy(TimePoint now) const {
  bool any = false;
  for (const ServableId id : servables_.ids()) {
    if (servables_.failed(id) || servables_.OnTrial(id)) continue;
    any = true;
    const auto ready = last_ready_.find(id);
    // Nobody asks a model that clients have just added before they are told that it is there.
    const bool ever = ready != last_ready_.end() && ready->second != TimePoint::min();
    if (servables_.on_demand() && !ever) continue;
    const bool lately = ever && now - ready->second < kWithoutWorkerMax;
    if (scheduler_.ReadyWorkers(id) == 0 && !lately) return false;
    if (suspects_.contains(id)) return false;
  }
  const bool stuck = scheduler_.items() > 0 && now - last_progress_ > kWithoutProgressMax;
  return (any || servables_.on_demand()) && servables_.complete() && !stuck;
}

Result<std::vector<std::pair<ModelKey, InferenceStatistics>>> InferenceService::Statistics(
    const ModelChoice& choice) const {
  if (choice.model) TRY(servables_.Resolve(choice));
  std::vector<std::pair<ModelKey, InferenceStatistics>> all;
  for (const ServableId id : servables_.ids()) {
    const ModelKey& key = servables_.Get(id).key;
    if (choice.model && key.name != *choice.model) continue;
    if (choice.version && key.version != *choice.version) continue;
    const auto entry = statistics_.find(id);
    all.emplace_back(key, entry == statistics_.end() ? InferenceStatistics{} : entry->second);
  }
  return all;
}

void InferenceService::CountCall(const PendingCall& call) {
  // Our own question.
  if (call.call.purpose == Purpose::kComparison) return;
  if (call.call.items.front().expected_class.has_value()) return;
  InferenceStatistics& statistics = statistics_[call.call.servable];
  const bool ok = std::ranges::all_of(
      call.outcomes, [](const ItemOutcome& outcome) { return outcome.reason == Reason::kOk; });
  (ok ? statistics.success : statistics.fail).Add(Now() - call.submitted);
  if (!ok) return;
  statistics.last_inference_unix_ms = static_cast<std::uint64_t>(UnixMilliseconds());
}

std::vector<InferenceService::WorkerStatus> InferenceService::workers() const {
  std::vector<WorkerStatus> workers;
  const TimePoint now = Now();
  for (const auto& [slot, service] : services_) {
    const auto generation = pool_.GenerationOf(slot);
    if (!generation) continue;
    WorkerStatus worker{.servable = slot_servables_.at(slot),
                        .slot = slot,
                        .generation = *generation,
                        .ready = ready_slots_.contains(slot),
                        .age = now - service.since,
                        .answered = service.answered};
    if (const auto pid = pids_.find(slot); pid != pids_.end()) worker.pid = pid->second;
    if (const auto running = running_.find(slot); running != running_.end()) {
      const auto place = places_.find(running->second.item);
      worker.busy =
          place == places_.end() ? Duration::zero() : now - place->second.times.dispatched;
    }
    workers.push_back(worker);
  }
  return workers;
}

Metrics::Levels InferenceService::levels() const {
  Metrics::Levels levels{.queued = scheduler_.queued(),
                         .running = scheduler_.running(),
                         .bytes = scheduler_.bytes() + budget_.reserved(),
                         .busy_seconds = busy_.Seconds(Now()),
                         .ready_seconds = in_place_.Seconds(Now())};
  for (const ServableId id : servables_.ids()) levels.workers_ready += scheduler_.ReadyWorkers(id);
  return levels;
}

}  // namespace holdfast
