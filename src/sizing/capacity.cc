// SPDX-License-Identifier: Apache-2.0
#include "sizing/capacity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "lifecycle/worker_count.h"

namespace holdfast {
namespace {

// ResNet-50 v1.5 has 4.1 billion multiply-adds at 224 by 224.
constexpr std::string_view kPublishedModel = "resnet50";
constexpr double kPublishedGflop = 8.2;
constexpr std::uint64_t kPublishedBytes = 102'000'000;
// Of the peak in float32. ONNX Runtime reached 0.89 on an AVX2 core with nothing else on the host;
// wider units run at a lower clock. Its kernels for Arm were 1.8 times slower than they could be.
constexpr double kShareOfPeakX86 = 0.6;
constexpr double kShareOfPeakArm = 0.33;
// Decoding, resizing and normalising a photo of 500 by 375 took 2 ms on a core.
constexpr double kPictureMs = 2;
// A clock for a host whose processor the table does not know.
constexpr double kUnknownGigahertz = 3;
// Weights that an engine has packed for itself, beside those of the file.
constexpr double kLoadedPerFile = 2.5;
constexpr std::uint64_t kWorkerBytes = std::uint64_t{32} << 20;
constexpr std::uint64_t kBodyBytes = std::uint64_t{16} << 20;

// Of a CPU as the host shows it. The host does not tell whether two share a core: with one thread a
// core assumed, its peak is the higher one, and what is scaled from it the lower one.
struct Host {
  std::string name;
  double peak_per_cpu;
};

Host HostOf(const TuningKey& key) {
  if (const Processor* known = FindProcessor(key.cpu)) {
    for (const InstanceType& type : InstanceTypes()) {
      if (type.processor->name == known->name) {
        return {key.cpu, known->peak() / type.threads_per_core};
      }
    }
  }
  const auto has = [&](const char* feature) {
    return key.features.find(feature) != std::string::npos;
  };
  double per_cycle = 16;
  if (has("avx2") || has("sve")) per_cycle = 32;
  if (has("avx512f")) per_cycle = 64;
  return {key.cpu, per_cycle * kUnknownGigahertz};
}

bool IsOf(const TuningKey& key, const InstanceType& type) {
  const Processor* processor = FindProcessor(key.cpu);
  return processor != nullptr && processor->name == type.processor->name;
}

// The point that the tuning chose. Its slowest round counts: a server has no better day than that.
const TunedPoint* ChosenOf(const Tuning& tuning) {
  const auto chosen = std::ranges::find_if(tuning.points, [&](const TunedPoint& point) {
    return point.engine == tuning.engine && point.workers == tuning.workers;
  });
  return chosen == tuning.points.end() || chosen->slowest <= 0 ? nullptr : &*chosen;
}

// The one on this processor, with the number of CPUs nearest to it; else any.
const Tuning* NearestOf(const std::vector<Tuning>& tunings, const InstanceType& type,
                        std::uint32_t cpus) {
  const auto distance = [&](const Tuning& tuning) {
    return std::pair(!IsOf(tuning.key, type),
                     std::abs(static_cast<double>(tuning.cores) - static_cast<double>(cpus)));
  };
  const Tuning* nearest = nullptr;
  for (const Tuning& tuning : tunings) {
    if (ChosenOf(tuning) == nullptr) continue;
    if (nearest == nullptr || distance(tuning) < distance(*nearest)) nearest = &tuning;
  }
  return nearest;
}

Capacity FromTuning(const Tuning& tuning, const InstanceType& type, std::uint32_t cpus) {
  const TunedPoint& point = *ChosenOf(tuning);
  const double rate = point.slowest;
  const double of_cpus = static_cast<double>(cpus) / std::max(tuning.cores, 1u);
  Capacity capacity;
  capacity.workers =
      std::max(1u, static_cast<std::uint32_t>(std::lround(std::max(point.workers, 1u) * of_cpus)));
  // A part of the CPUs that were measured with one worker still has that worker.
  const double of_workers = static_cast<double>(capacity.workers) / std::max(point.workers, 1u);
  const std::string measured =
      fmt::format("{:.1f} images/s in the slowest round on {} (CPUs {}, workers {}, {})", rate,
                  tuning.key.cpu, tuning.cores, point.workers, point.engine);
  if (IsOf(tuning.key, type)) {
    capacity.source = Source::kMeasured;
    capacity.images_per_second = rate * std::min(of_cpus, of_workers);
    capacity.why = fmt::format("measured: {}; CPUs here {}: times {:.2f}", measured, cpus,
                               std::min(of_cpus, of_workers));
    return capacity;
  }
  const Host host = HostOf(tuning.key);
  const double peak = type.processor->peak() / type.threads_per_core;
  // A faster core is not trusted to be as much faster as its peak.
  const double faster = std::min(peak / host.peak_per_cpu, 1.5);
  capacity.source = Source::kScaled;
  capacity.images_per_second = rate * std::min(of_cpus, of_workers) * faster;
  capacity.why = fmt::format(
      "scaled: {}; times {:.2f} for CPUs {}, times {:.2f} for {} ({:.0f} GFLOP/s a CPU by its data "
      "sheet, {:.0f} there; no more than 1.5)",
      measured, std::min(of_cpus, of_workers), cpus, faster, type.processor->name, peak,
      host.peak_per_cpu);
  return capacity;
}

Capacity FromPeak(double gflop, const InstanceType& type, std::uint32_t cpus) {
  const double share = type.processor->arm ? kShareOfPeakArm : kShareOfPeakX86;
  const double peak = type.processor->peak();
  const double ms = gflop / (peak * share) * 1000 + kPictureMs;
  const double cores = static_cast<double>(cpus) / type.threads_per_core;
  return {.workers = cpus,
          .images_per_second = cores * 1000 / ms,
          .source = Source::kPublished,
          .why = fmt::format(
              "published, not measured: {:.1f} GFLOP an image, {} of {:.0f} GFLOP/s a core "
              "({:.0f} a cycle at {:g} GHz, times {:.2f} that engines reach) and {:g} ms for the "
              "picture: {:.1f} ms; cores {:g}, CPUs {}",
              gflop, type.processor->name, peak, type.processor->flops_per_cycle,
              type.processor->gigahertz, share, kPictureMs, ms, cores, cpus)};
}

}  // namespace

Result<Workload> PublishedWorkload(std::string_view model) {
  if (model == kPublishedModel) {
    return Workload{.model = std::string(model),
                    .tunings = {},
                    .gflop_per_image = kPublishedGflop,
                    .model_bytes = kPublishedBytes};
  }
  return Error{Reason::kUsage,
               fmt::format("{}: no figures are published for it; try {}, or holdfast tune and "
                           "--model DIR",
                           model, kPublishedModel)};
}

bool HasChosenPoint(const Workload& workload) {
  return std::ranges::any_of(workload.tunings,
                             [](const Tuning& tuning) { return ChosenOf(tuning) != nullptr; });
}

std::string_view SourceWord(Source source) {
  constexpr std::array<std::string_view, 3> kWords{"measured", "scaled", "published"};
  return kWords.at(static_cast<std::size_t>(source));
}

Capacity CapacityOf(const Workload& workload, const InstanceType& type, std::uint32_t cpus) {
  if (const Tuning* tuning = NearestOf(workload.tunings, type, cpus)) {
    return FromTuning(*tuning, type, cpus);
  }
  return FromPeak(workload.gflop_per_image, type, cpus);
}

std::uint64_t MemoryOf(const Workload& workload, std::uint32_t workers) {
  const auto loaded =
      static_cast<std::uint64_t>(kLoadedPerFile * static_cast<double>(workload.model_bytes));
  return kServerBytes + loaded + workers * (kWorkerBytes + kBodyBytes + kDecodeBytes);
}

}  // namespace holdfast
