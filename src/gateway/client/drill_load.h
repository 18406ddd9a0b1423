// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/http_url.h"
#include "base/result.h"
#include "base/time.h"
#include "gateway/client/open_loop.h"
#include "gateway/client/server_answer.h"

namespace holdfast {

// A drill's own load: pictures in turn, each answer held against the one that the server gave
// before the drill, and a ledger in which every request ends on exactly one line.
class DrillLoad {
 public:
  static constexpr std::chrono::milliseconds kDeadline{10'000};

  DrillLoad(HttpUrl server, std::vector<std::vector<std::uint8_t>> pictures)
      : server_(std::move(server)), pictures_(std::move(pictures)) {}

  // Learns the right answers. Returns the median time of one, or why the server gives none.
  Result<Duration> Learn();
  void Start(double per_second);
  // Returns once the last request has ended.
  void Stop();

  struct Ledger {
    std::uint64_t offered = 0;
    std::uint64_t answered = 0;
    std::uint64_t late = 0;
    std::uint64_t wrong = 0;
    std::uint64_t lost = 0;
    std::map<std::string, std::uint64_t> refused;
  };
  Ledger ledger() const;

 private:
  void SendOne(std::uint64_t number, TimePoint due);

  HttpUrl server_;
  std::vector<std::vector<std::uint8_t>> pictures_;
  std::vector<RemoteClassification> right_answers_;
  mutable std::mutex mutex_;  // Of the ledger, which the loop's threads write.
  Ledger ledger_;
  std::unique_ptr<OpenLoop> loop_;
};

}  // namespace holdfast
