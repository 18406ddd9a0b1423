// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

#include "base/reason.h"
#include "base/time.h"

namespace holdfast {

// What inference requests came to since the gateway began; whoever looks twice sees what was in
// between.
class RequestTally {
 public:
  // Upper bounds of latency's classes; one more is above all of them.
  static constexpr std::array<double, 16> kBoundsMs{1,  2,  3,   5,   7,   10,    15,    20,
                                                    30, 50, 100, 200, 500, 1'000, 5'000, 30'000};
  struct Error {
    std::uint64_t count = 0;
    std::int64_t last_unix_ms = 0;
  };

  void Add(int status, Reason reason, Duration latency, std::int64_t unix_ms);

  std::uint64_t answered() const { return answered_; }  // 200.
  std::uint64_t refused() const { return refused_; }    // 429 and 503.
  std::uint64_t failed() const { return failed_; }      // Other 5xx.
  std::uint64_t mistakes() const { return mistakes_; }  // Other 4xx.
  // Of those that were answered with 200.
  const std::array<std::uint64_t, kBoundsMs.size() + 1>& latencies() const { return latencies_; }
  const std::map<Reason, Error>& errors() const { return errors_; }

 private:
  std::uint64_t answered_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t mistakes_ = 0;
  std::array<std::uint64_t, kBoundsMs.size() + 1> latencies_{};
  std::map<Reason, Error> errors_;
};

}  // namespace holdfast
