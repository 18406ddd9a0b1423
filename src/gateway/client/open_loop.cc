// SPDX-License-Identifier: Apache-2.0
#include "gateway/client/open_loop.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "os/steady_clock.h"

namespace holdfast {

OpenLoop::OpenLoop(const Options& options, Send send)
    : options_(options), send_(std::move(send)), start_(Now()) {
  for (std::size_t i = 0; i < options_.in_flight_max; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { Run(stop); });
  }
}

void OpenLoop::Stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
}

void OpenLoop::Run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  while (!stop.stop_requested()) {
    const std::uint64_t number = next_.fetch_add(1);
    const std::chrono::duration<double> after(static_cast<double>(number) / options_.per_second);
    const TimePoint due = start_ + std::chrono::duration_cast<Duration>(after);
    std::unique_lock lock(mutex);
    stopped.wait_until(lock, stop, due, [] { return false; });
    if (!stop.stop_requested()) send_(number, due);
  }
}

}  // namespace holdfast
