// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "base/time.h"

namespace holdfast {

// Sends at a fixed rate, whatever the answers take: slow answers do not make it send less. Where
// `in_flight_max` are waited for, the next are sent late, and their time still counts from when
// they were due.
class OpenLoop {
 public:
  struct Options {
    double per_second = 1;
    std::size_t in_flight_max = 64;
  };
  // Sends the `number`th request and blocks until its end. Called from several threads.
  using Send = std::function<void(std::uint64_t number, TimePoint due)>;

  OpenLoop(const Options& options, Send send);
  // Sends nothing more; returns once every request that was sent has ended.
  void Stop();

 private:
  void Run(const std::stop_token& stop);

  Options options_;
  Send send_;
  TimePoint start_;
  std::atomic<std::uint64_t> next_{0};
  std::vector<std::jthread> threads_;  // Last: they end before what they use.
};

}  // namespace holdfast
