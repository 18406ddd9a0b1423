// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/server_config.h"
#include "os/host.h"

namespace holdfast {

// What `holdfast doctor` says of one thing.
struct Finding {
  enum class Verdict { kOk, kWarning, kFailure };
  std::string check;  // One word: "descriptors".
  Verdict verdict = Verdict::kOk;
  std::string found;
  std::string matter;  // Why it matters; empty where it is as it should be.
  std::string advice;  // What to change; likewise.
};

// What the server would be, on this host.
struct PlannedServer {
  ServerConfig config;
  std::uint32_t workers = 1;  // Of each version.
  std::uint32_t versions = 1;
  std::uint64_t model_bytes = 0;  // Of the files of all versions.
  std::optional<std::chrono::seconds> balancer_idle;
  std::optional<std::chrono::seconds> stop_timeout;
};

// Pure: the same facts give the same findings, one for each thing that can be judged by them.
std::vector<Finding> Examine(const Host& host, const PlannedServer& server);

// 1 if anything has failed, else 0.
int ExitCodeOf(const std::vector<Finding>& findings);

// For people, and as one JSON object.
std::string FormatFindings(const std::vector<Finding>& findings);
std::string FormatFindingsAsJson(const std::vector<Finding>& findings);

}  // namespace holdfast
