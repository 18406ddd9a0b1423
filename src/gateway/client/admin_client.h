// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/drill_fault.h"
#include "base/http_url.h"
#include "base/result.h"

namespace holdfast {

// A worker's end, as a server's /debug/deaths tells it.
struct RemoteDeath {
  std::string time;
  std::string model;
  std::uint64_t slot = 0;
  std::uint64_t generation = 0;
  std::uint64_t pid = 0;
  std::string cause;
  std::string exit;
  std::string explanation;
  std::uint64_t peak_rss_mib = 0;
  std::uint64_t age_ms = 0;
  std::string request_id;
  std::string digest;
  std::string last_words;
};

struct RemoteQuarantineEntry {
  std::string model;
  std::string digest;
  std::uint64_t expires_in_s = 0;
};

// A version of a model, as a server's repository index has it.
struct RemoteModel {
  std::string name;
  std::string version;
  std::string state;
  std::string reason;
  std::vector<std::string> labels;
  std::string rollout;  // "canary 10 %" or "shadow" while it is tried.
};

// Whom an injected fault was meant for.
struct RemoteDrill {
  std::string model;
  std::uint64_t slot = 0;
  std::uint64_t generation = 0;
  std::uint64_t pid = 0;
};

// An endpoint of the admin address. Returns the answer's body; kUnavailable where there is none,
// the server's own reason where it refuses.
Result<std::string> AskAdmin(const HttpUrl& server, std::string_view method, std::string_view path,
                             std::chrono::milliseconds timeout);

// Has the server inject one fault into one of its workers. kNoWorker: none is ready.
Result<RemoteDrill> OrderDrill(const HttpUrl& server, DrillFault fault,
                               std::chrono::milliseconds timeout);

// kInternal for what no holdfast server writes.
Result<std::vector<RemoteDeath>> ParseDeaths(const std::string& json);
Result<std::vector<RemoteQuarantineEntry>> ParseQuarantine(const std::string& json);
Result<std::vector<RemoteModel>> ParseModels(const std::string& json);
Result<std::uint64_t> ParseCleared(const std::string& json);
Result<RemoteDrill> ParseDrill(const std::string& json);

}  // namespace holdfast
