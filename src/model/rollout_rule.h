// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace holdfast {

enum class RolloutKind : std::uint32_t {
  kCanary = 1,  // It answers a share of the requests.
  kShadow = 2,  // It is asked what the current version has answered; nobody sees what it says.
};

constexpr const char* RolloutKindWord(RolloutKind kind) {
  return kind == RolloutKind::kCanary ? "canary" : "shadow";
}

// How a version is tried beside the current one, and what it may not do worse.
struct RolloutRule {
  RolloutKind kind = RolloutKind::kCanary;
  double percent = 10;  // Of the requests that name no version. Of a shadow: those compared.
  // Requests that send this header with this value go to the canary, and with "never" they do not.
  std::string header = "x-holdfast-canary";  // In lower case.
  std::string header_value = "always";
  std::chrono::seconds window{300};  // What is compared: so long, …
  std::uint64_t requests_min = 100;  // … and at least so many requests of the new version.
  double errors_max = 0.01;          // How much higher its rate of errors may be, …
  double invalid_max = 0.01;         // … and that of invalid outputs.
  double latency_max = 2;            // Its time in the worker, as a multiple.
  double disagreement_max = 0.2;     // The share of items whose most probable class differs.
  bool promote = false;              // After a window with nothing against it, it is current.
  bool operator==(const RolloutRule&) const = default;
};

// A version on trial.
struct Rollout {
  std::int64_t version = 0;
  RolloutRule rule;
  bool operator==(const Rollout&) const = default;
};

}  // namespace holdfast
