// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/reason.h"
#include "base/time.h"
#include "gateway/call/inference.h"
#include "telemetry/trace_context.h"

namespace holdfast {

// What is known of one request, from its header to its answer: for metrics, log and traces.
struct RequestRecord {
  enum class Kind {
    kOther,
    kProbe,  // Answered at once; asked so often that nobody wants to read of it.
    kInference,
  };
  enum class Protocol { kHttp, kGrpc };

  Kind kind = Kind::kOther;
  Protocol protocol = Protocol::kHttp;
  std::string id;
  std::string method;                // HTTP's; empty for gRPC.
  std::string endpoint = "unknown";  // The path without what varies; gRPC's method.
  TraceContext trace;
  std::string client;  // The name of its API key.
  std::string model;   // "NAME/VERSION" of who answered, or was to; empty: none was found.
  TimePoint start;     // Its header was there.
  TimePoint admitted;  // As `start` while it has not been.
  TimePoint received;  // The body was there; as `admitted` while it is not.
  std::size_t request_bytes = 0;
  std::size_t response_bytes = 0;
  std::size_t items = 0;
  std::uint32_t attempts = 0;  // The most that an item of it has taken.
  std::vector<ItemTimes> item_times;
  Reason reason = Reason::kOk;  // That of the first item that failed, or of the refusal.
  int status = 0;               // HTTP's number for it; 499: the client went away.

  void Begin(TimePoint now) { start = admitted = received = now; }
  void Admitted(TimePoint now) { admitted = received = now; }
  void Answered(const std::vector<ItemOutcome>& outcomes);
};

}  // namespace holdfast
