// SPDX-License-Identifier: Apache-2.0
#include "sizing/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <variant>

#include "sizing/waiting_time.h"

namespace holdfast {
namespace {

// The server refuses what would be late by its forecast, on which it puts this margin
// (scheduling/scheduler.h).
constexpr double kAdmissionMargin = 1.15;
// HTTP, the queue between processes and the balancer's hop.
constexpr double kServerMs = 3;
constexpr double kLate = 0.01;  // p99.
// Above it a short burst fills the queue before a new instance has started.
constexpr double kUtilisationMax = 0.8;
// Scaling begins before the allowed utilisation is there.
constexpr double kTargetShare = 0.9;
constexpr double kCpuTargetMin = 10;  // Of the kits' templates.
constexpr double kCpuTargetMax = 90;
// What SageMaker is told: requests in flight for each worker.
constexpr double kConcurrencyShare = 0.7;
// The kernel, the agent of the platform and its logs.
constexpr double kMemoryShare = 0.8;
constexpr double kGiB = 1024.0 * 1024 * 1024;
constexpr double kHoursOfMonth = 730;
constexpr std::uint32_t kBurst = 2;             // The rate for which instances_max is enough.
constexpr double kBytesPerSecondLoaded = 50e6;  // Reading, checking and packing a model's files.
constexpr double kStartS = 5;                   // A process, its warm-up and its golden examples.
// An alarm at the p99 that is expected would go off by noise; above the deadline it never would, as
// the server refuses what is late.
constexpr double kAlarmAbove = 2;
constexpr int kBisections = 60;
constexpr double kDeadlineMaxMs = 55'000;  // The server's own; apps/server_config.h.

double ResponseMs(const Capacity& capacity, double arrivals_per_s) {
  return 1000 * (capacity.service_s() + WaitExceededBy(kLate, {.servers = capacity.workers,
                                                               .service_s = capacity.service_s(),
                                                               .arrivals_per_s = arrivals_per_s})) +
         kServerMs;
}

// The highest utilisation with such a p99; 0: none.
double AllowedUtilisation(const Capacity& capacity, double limit_ms) {
  if (ResponseMs(capacity, 0) > limit_ms) return 0;
  const auto fits = [&](double utilisation) {
    return ResponseMs(capacity, utilisation * capacity.images_per_second) <= limit_ms;
  };
  if (fits(kUtilisationMax)) return kUtilisationMax;
  double low = 0;
  double high = kUtilisationMax;
  for (int i = 0; i < kBisections; ++i) {
    const double middle = (low + high) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

std::string Count(std::uint32_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

void Explain(Sizing& sizing, const PlanRequest& request, double limit_ms) {
  const Capacity& capacity = sizing.capacity;
  const auto say = [&sizing](std::string line) { sizing.reasoning.push_back(std::move(line)); };
  say(capacity.why);
  say(fmt::format("{}, {:.1f} images/s together: {:.1f} ms an image with all of them busy",
                  Count(capacity.workers, "worker"), capacity.images_per_second,
                  1000 * capacity.service_s()));
  say(
      fmt::format("memory {:.2f} GiB for server, model and workers, of {:g} GiB of which {:.0f} % "
                  "are for it",
                  static_cast<double>(sizing.memory_bytes) / kGiB, sizing.type->memory_gib,
                  100 * kMemoryShare));
  say(
      fmt::format("a p99 of {:.0f} ms allows {:.0f} % utilisation (M/D/c queue, c = {}; no "
                  "more than {:.0f} %): {:.1f} images/s an instance",
                  limit_ms, 100 * sizing.utilisation, capacity.workers, 100 * kUtilisationMax,
                  sizing.utilisation * capacity.images_per_second));
  say(fmt::format(
      "{:g} images/s / {:.1f} = {}, and one more that may fail: at least {}; "
      "at most {}, for {} times the rate",
      request.rate, sizing.utilisation * capacity.images_per_second,
      Count(sizing.needed, "instance"), sizing.instances_min, sizing.instances_max, kBurst));
  say(fmt::format("p99 {:.0f} ms with {}, {:.0f} ms with {}; alarm above {:.0f} ms", sizing.p99_ms,
                  sizing.instances_min, sizing.p99_degraded_ms, sizing.instances_min - 1,
                  sizing.alarm_ms));
  say(fmt::format(
      "scale at {} % CPU, which is {:.0f} % of the utilisation allowed; {:.0f} requests "
      "a minute, or {} in flight, of an instance",
      sizing.cpu_target, 100 * kTargetShare, sizing.requests_per_minute,
      sizing.concurrency_target));
  const double price = sizing.type->dollars_per_hour * request.kit->price_factor;
  say(
      fmt::format("{} x ${:.4f}/h x {:.0f} h = ${:.2f} a month, ${:.2f} a million images at this "
                  "rate; load balancer and traffic not counted",
                  sizing.instances_min, price, kHoursOfMonth, sizing.dollars_per_month,
                  sizing.dollars_per_million));
  if (request.budget) {
    say(fmt::format("budget ${:.2f}: {}", *request.budget,
                    sizing.within_budget ? "within" : "more than that"));
  }
}

using Verdict = std::variant<Sizing, Refusal>;

Verdict SizeOf(const PlanRequest& request, const InstanceType& type, double limit_ms) {
  if (type.cpus <= request.kit->reserved_cpus) return Refusal{&type, "no CPU is left for a pod", 0};
  Sizing sizing;
  sizing.type = &type;
  sizing.cpus = type.cpus - request.kit->reserved_cpus;
  sizing.capacity = CapacityOf(request.workload, type, sizing.cpus);
  const Capacity& capacity = sizing.capacity;
  sizing.memory_bytes = MemoryOf(request.workload, capacity.workers);
  if (static_cast<double>(sizing.memory_bytes) > kMemoryShare * type.memory_gib * kGiB) {
    return Refusal{&type,
                   fmt::format("memory: {:.1f} GiB are needed, of {:g} GiB",
                               static_cast<double>(sizing.memory_bytes) / kGiB, type.memory_gib),
                   0};
  }
  sizing.utilisation = AllowedUtilisation(capacity, limit_ms);
  const double carried = sizing.utilisation * capacity.images_per_second;
  constexpr double kUtilisationMin = 0.05;
  if (sizing.utilisation < kUtilisationMin) {
    const double response_ms = ResponseMs(capacity, 0);
    return Refusal{
        &type,
        fmt::format("time: an image takes {:.0f} ms even without a queue ({}), and {:.0f} "
                    "ms are allowed",
                    response_ms, SourceWord(capacity.source), limit_ms),
        response_ms};
  }
  sizing.needed = std::max(1u, static_cast<std::uint32_t>(std::ceil(request.rate / carried)));
  sizing.instances_min = sizing.needed + 1;
  sizing.instances_max =
      std::max(sizing.instances_min + 1,
               static_cast<std::uint32_t>(std::ceil(kBurst * request.rate / carried)) + 1);
  sizing.p99_ms = ResponseMs(capacity, request.rate / sizing.instances_min);
  sizing.p99_degraded_ms = ResponseMs(capacity, request.rate / (sizing.instances_min - 1));
  sizing.alarm_ms = std::min(std::ceil(kAlarmAbove * sizing.p99_degraded_ms), request.deadline_ms);
  const double target = kTargetShare * sizing.utilisation;
  sizing.cpu_target = static_cast<std::uint32_t>(
      std::clamp(std::floor(100 * target), kCpuTargetMin, kCpuTargetMax));
  sizing.requests_per_minute = 60 * target * capacity.images_per_second;
  sizing.concurrency_target =
      std::max(1u, static_cast<std::uint32_t>(std::lround(kConcurrencyShare * capacity.workers)));
  const double hourly = sizing.instances_min * type.dollars_per_hour * request.kit->price_factor;
  sizing.dollars_per_month = hourly * kHoursOfMonth;
  sizing.dollars_per_million = hourly / 3600 / request.rate * 1e6;
  sizing.within_budget = !request.budget || sizing.dollars_per_month <= *request.budget;
  Explain(sizing, request, limit_ms);
  return sizing;
}

Status Check(const PlanRequest& request) {
  const auto positive = [](double value) { return std::isfinite(value) && value > 0; };
  if (!positive(request.rate) || request.rate > 1e6) {
    return Error{Reason::kUsage, "--rate must be above 0 and at most 1000000 images a second"};
  }
  if (!positive(request.deadline_ms)) {
    return Error{Reason::kUsage, "--deadline-ms must be above 0"};
  }
  if (request.p99_ms && (!positive(*request.p99_ms) || *request.p99_ms > request.deadline_ms)) {
    return Error{Reason::kUsage, "--p99-ms must be above 0 and no more than --deadline-ms"};
  }
  if (request.budget && !positive(*request.budget)) {
    return Error{Reason::kUsage, "--budget must be above 0"};
  }
  if (request.deadline_ms > kDeadlineMaxMs) {
    return Error{Reason::kUsage,
                 fmt::format("--deadline-ms must be at most {:g}: load balancers give "
                             "up after 60 s",
                             kDeadlineMaxMs)};
  }
  const std::uint32_t drain = request.kit->drain_s;
  if (request.deadline_ms > 1000.0 * drain) {
    return Error{Reason::kUsage,
                 fmt::format("--deadline-ms {:g}: {} stops a server after {} s of draining, so an "
                             "answer can be lost at every update; take no more than {}",
                             request.deadline_ms, request.kit->word, drain, 1000 * drain)};
  }
  return {};
}

Result<std::vector<const InstanceType*>> TypesOf(const PlanRequest& request) {
  std::vector<const InstanceType*> types;
  for (const std::string& name : request.types) {
    const InstanceType* type = TRY(FindInstanceType(name));
    if (!request.kit->Takes(*type)) {
      return Error{Reason::kUsage, fmt::format("{}: {} does not run on this type; try another "
                                               "--kit, or no --types",
                                               name, request.kit->word)};
    }
    types.push_back(type);
  }
  for (const InstanceType& type : InstanceTypes()) {
    if (request.types.empty() && request.kit->Takes(type)) types.push_back(&type);
  }
  return types;
}

std::vector<std::string> TimesOf(const PlanRequest& request) {
  const KitRule& kit = *request.kit;
  const double start =
      kStartS + static_cast<double>(request.workload.model_bytes) / kBytesPerSecondLoaded;
  std::vector<std::string> times;
  times.push_back(fmt::format(
      "stop timeout {} s: {} s lame duck within {} s of draining, which holds the deadline of {:g} "
      "s, and {} s of reserve",
      kit.stop_timeout_s, kit.lame_duck_s, kit.drain_s, request.deadline_ms / 1000,
      kit.stop_timeout_s - kit.drain_s));
  times.push_back(kit.deregistration_s == 0
                      ? std::string("deregistration: the platform stops the requests by itself")
                      : fmt::format("deregistration delay {} s: no less than the deadline",
                                    kit.deregistration_s));
  times.push_back(fmt::format(
      "grace period {} s: {:.0f} s to start, by {:.0f} MB of model at {:.0f} MB/s and {:g} s",
      kit.grace_s, start, static_cast<double>(request.workload.model_bytes) / 1e6,
      kBytesPerSecondLoaded / 1e6, kStartS));
  return times;
}

// The type that comes nearest speaks for all.
Error NobodyCan(const Plan& plan) {
  const Refusal* nearest = &plan.refused.front();
  for (const Refusal& refusal : plan.refused) {
    if (refusal.response_ms == 0) continue;
    if (nearest->response_ms == 0 || refusal.response_ms < nearest->response_ms) nearest = &refusal;
  }
  return Error{Reason::kUnavailable,
               fmt::format("no type can do it; the nearest is {}: {}; try {}", nearest->type->name,
                           nearest->why,
                           nearest->response_ms == 0
                               ? "types with more memory"
                               : "a later --deadline-ms and --p99-ms, a smaller model, or holdfast "
                                 "tune on that type and --model")};
}

}  // namespace

Result<Plan> MakePlan(const PlanRequest& request) {
  TRY_DO(Check(request));
  Plan plan;
  const double of_deadline = request.deadline_ms / kAdmissionMargin;
  plan.response_limit_ms = std::min(request.p99_ms.value_or(of_deadline), of_deadline);
  for (const InstanceType* type : TRY(TypesOf(request))) {
    Verdict verdict = SizeOf(request, *type, plan.response_limit_ms);
    if (auto* sizing = std::get_if<Sizing>(&verdict)) plan.ranked.push_back(std::move(*sizing));
    if (auto* refusal = std::get_if<Refusal>(&verdict)) plan.refused.push_back(*refusal);
  }
  if (plan.ranked.empty()) return NobodyCan(plan);
  std::ranges::stable_sort(plan.ranked, {}, &Sizing::dollars_per_million);
  plan.times = TimesOf(request);
  return plan;
}

}  // namespace holdfast
