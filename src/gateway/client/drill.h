// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/drill_fault.h"
#include "base/http_url.h"
#include "base/result.h"
#include "base/time.h"

namespace holdfast {

struct DrillOptions {
  HttpUrl admin;                   // The server's admin address; it answers clients' paths, too.
  std::vector<DrillFault> faults;  // Injected in turn.
  Duration duration = std::chrono::seconds(30);
  Duration every = std::chrono::seconds(2);  // From one fault to the next, if workers are back.
  bool watch = false;                        // Send no load of our own.
  bool among_traffic = false;                // Go on where others use the server.
  double per_second = 0;  // Of our own load; 0: a quarter of what the server can.
  std::vector<std::vector<std::uint8_t>> pictures;
};

// What one fault did.
struct DrillEvent {
  DrillFault fault;
  std::string model;
  std::uint64_t slot = 0;
  std::uint64_t pid = 0;
  bool worker_ended = false;
  Duration respawn{0};  // From the worker's end until the next one was ready.
};

// The proof. With `watched` all but `wrong` and `late`, which nobody knows then, is the server's
// own count.
struct DrillReport {
  bool watched = false;
  double seconds = 0;
  double per_second = 0;
  std::uint64_t offered = 0;
  std::uint64_t answered = 0;
  std::uint64_t late = 0;                        // Answered, but after their deadline.
  std::uint64_t wrong = 0;                       // Other answers than before the drill.
  std::uint64_t lost = 0;                        // Without any answer.
  std::map<std::string, std::uint64_t> refused;  // By reason.
  std::uint64_t rescues = 0;
  std::map<std::string, std::uint64_t> exits;  // By cause.
  std::vector<DrillEvent> events;
  std::uint64_t without_effect() const {
    return static_cast<std::uint64_t>(std::ranges::count(events, false, &DrillEvent::worker_ended));
  }
  bool passed() const { return lost == 0 && wrong == 0; }
};

// Injects faults into the workers of a running server while it sends, or watches, load. `tell`
// hears of each fault once its effect is known. kUsage where others use the server and that is not
// wanted.
Result<DrillReport> RunDrill(const DrillOptions& options,
                             const std::function<void(const DrillEvent&)>& tell);

}  // namespace holdfast
