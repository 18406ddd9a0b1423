// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "os/process.h"

namespace holdfast {

// What the supervisor knows of a worker's death and the gateway does not: it travels with
// kWorkerDied, so that one log line can tell the whole story.
struct DeathReport {
  std::int64_t pid = 0;
  std::string exit;         // "signal 11 (Segmentation fault)".
  std::string explanation;  // The cause in words, with limit and usage where memory ran out.
  std::uint64_t peak_rss_bytes = 0;
  std::uint64_t age_ms = 0;
  std::string last_words;  // The end of what it wrote to stderr, lines joined by " | ".
  bool operator==(const DeathReport&) const = default;
};

std::string EncodeDeathReport(const DeathReport& report);
Result<DeathReport> DecodeDeathReport(std::string_view json);

}  // namespace holdfast
