// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ipc/description.h"
#include "supervisor/options.h"

namespace holdfast {

struct BoundPorts {
  std::uint16_t http = 0;
  std::uint16_t grpc = 0;
  std::uint16_t admin = 0;
};

struct PlannedModel {
  ModelKey key;
  std::uint32_t workers = 0;
  std::optional<ServableDescription> loaded;  // Nothing: it could not be loaded.
};

// What this server is about to do, for people: models, engines, workers and why that many, ports
// and limits.
std::string FormatStartupPlan(const SupervisorOptions& options, const BoundPorts& ports,
                              const std::vector<PlannedModel>& models);

// Writes {"http":N,"grpc":N,"admin":N} to `file` in one step.
Status WritePortFile(const std::filesystem::path& file, const BoundPorts& ports);

}  // namespace holdfast
