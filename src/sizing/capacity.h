// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/tuning.h"
#include "sizing/instance_types.h"

namespace holdfast {

// What a model costs, before it is known where.
struct Workload {
  std::string model;
  std::vector<Tuning> tunings;    // Of `holdfast tune`; empty: the published figures.
  double gflop_per_image = 0;     // Of a published figure.
  std::uint64_t model_bytes = 0;  // Its files.
};

// The models with published figures, and the workload of one. kUsage names the nearest.
Result<Workload> PublishedWorkload(std::string_view model);

// Whether a tuning holds the point that it chose; without one there is nothing to size by.
bool HasChosenPoint(const Workload& workload);

// Where a service time is from, the surest first.
enum class Source { kMeasured, kScaled, kPublished };
std::string_view SourceWord(Source source);

// How fast a type serves the workload with all its workers busy.
struct Capacity {
  std::uint32_t workers = 1;
  double images_per_second = 0;
  Source source = Source::kPublished;
  std::string why;  // A sentence, with its numbers.

  double service_s() const { return workers / images_per_second; }
};

// Measured on the same processor: as measured, and in proportion to the CPUs. On another one: times
// the quotient of the cores' peaks. Never measured: the peak, times a share that engines reach.
// `cpus` of the type are the server's; it runs one worker on each, or as many as the measurement
// chose.
Capacity CapacityOf(const Workload& workload, const InstanceType& type, std::uint32_t cpus);

// Bytes that a server with so many workers holds: server, model once, each worker's own.
std::uint64_t MemoryOf(const Workload& workload, std::uint32_t workers);

}  // namespace holdfast
