// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "lifecycle/worker_count.h"
#include "os/steady_clock.h"
#include "supervisor/supervisor.h"

namespace holdfast {
namespace {

constexpr auto kMemoryPeriod = std::chrono::seconds(1);

}  // namespace

// Somebody has measured that fewer workers do as much here: the others would only cost memory.
void Supervisor::LimitWorkersByTuning(ServableId servable) {
  Model& served = models_.at(servable);
  const std::uint32_t enough = served.loaded->tuned_workers;
  if (!options_.workers_by_host || enough == 0 || enough >= served.workers) return;
  served.workers = enough;
  fleet_.LimitWorkers(servable, enough);
}

// What a model and its workers take is known only now: the number of workers that the cores allow
// may be more than the memory limit does.
void Supervisor::LimitWorkersByMemory(ServableId servable) {
  const auto limit = cgroup_.MemoryLimit();
  if (!limit.has_value() || !options_.workers_by_host) return;
  MemoryNeeds needs{.largest_body = options_.arena_bytes, .models_count = 0};
  // A version that this one replaces will be gone, and must not cost it workers for good.
  for (const Offer& offer : roster_.wanted()) {
    ++needs.models_count;
    for (const auto& [id, model] : models_) {
      const bool counts = model.offer.key == offer.key && model.loaded.has_value();
      if (counts) needs.models += model.loaded->zygote_bytes;
    }
  }
  needs.models_count = std::max(needs.models_count, 1u);
  Model& served = models_.at(servable);
  needs.worker = served.loaded->worker_bytes;
  const std::uint32_t fit = WorkersThatFit(*limit, needs);
  if (fit >= served.workers) return;
  const std::uint32_t granted = std::max(fit, 1u);
  log_.Warning("workers-limited-by-memory", {{"model", NameOf(servable)},
                                             {"workers", granted},
                                             {"limit_mib", *limit >> 20},
                                             {"models_mib", needs.models >> 20},
                                             {"worker_mib", needs.worker >> 20},
                                             {"fits", fit > 0}});
  options_.workers_why += fmt::format("; {} for {}: the memory limit is {} MiB", granted,
                                      NameOf(servable), *limit >> 20);
  served.workers = granted;
  fleet_.LimitWorkers(servable, granted);
}

void Supervisor::WatchMemory(TimePoint now) {
  if (now < memory_check_ || draining_) return;
  memory_check_ = now + kMemoryPeriod;
  for (auto& [slot, worker] : workers_) RetireIfOutgrown(slot, worker);
}

// One at a time: while another of its servable is not ready, the capacity is short already.
void Supervisor::RetireIfOutgrown(SlotId slot, Worker& worker) {
  if (worker.retiring || fleet_.slots().at(slot.value).state != SlotState::kReady) return;
  // The gateway may have said that it is ready before the zygote said who it is.
  if (!worker.bytes_at_ready.has_value()) {
    worker.bytes_at_ready = AnonymousBytes(worker.process.pid);
    return;
  }
  const std::uint64_t bytes = AnonymousBytes(worker.process.pid).value_or(0);
  if (bytes <= *worker.bytes_at_ready + options_.worker_growth_max) return;
  const ServableId servable = fleet_.slots().at(slot.value).servable;
  const bool others_ready =
      std::ranges::all_of(fleet_.slots(), [servable](const Fleet::Slot& other) {
        return other.servable != servable || !other.in_use || other.state == SlotState::kReady;
      });
  const bool other_retires = std::ranges::any_of(workers_, [&](const auto& entry) {
    return entry.second.retiring && fleet_.slots().at(entry.first.value).servable == servable;
  });
  if (!others_ready || other_retires) return;
  worker.retiring = true;
  log_.Info("worker-outgrown", {{"model", NameOf(servable)},
                                {"slot", slot.value},
                                {"pid", worker.process.pid},
                                {"grown_mib", (bytes - *worker.bytes_at_ready) >> 20},
                                {"allowed_mib", options_.worker_growth_max >> 20}});
  TellGateway({.kind = MessageKind::kRetire,
               .slot = slot,
               .generation = worker.generation,
               .code = static_cast<std::uint32_t>(DeathCause::kOutgrown)});
}

}  // namespace holdfast
