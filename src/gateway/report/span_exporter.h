// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/http_url.h"
#include "base/result.h"
#include "base/time.h"
#include "telemetry/spans.h"

namespace holdfast {

// Sends spans to a collector by OTLP/HTTP, in batches. No request ever waits for it: what a
// collector does not take in time is dropped, the oldest first. Lives on the gateway's loop.
class SpanExporter {
 public:
  static constexpr std::size_t kPendingMax = 8192;
  static constexpr std::size_t kBatchMax = 512;

  struct Events {
    std::function<void(std::size_t spans)> exported;
    std::function<void(std::size_t spans)> dropped;
    std::function<void(const std::string& error)> failed;
  };
  // `collector` is where a collector's OTLP/HTTP receiver listens; "/v1/traces" is put behind its
  // path.
  SpanExporter(boost::asio::io_context& loop, HttpUrl collector, std::string service,
               Events events);

  void Take(std::vector<Span> spans);
  // Sends what comes, for as long as the loop turns.
  boost::asio::awaitable<void> Run();
  // Once more, at the end: tries to send what is left until `until`.
  boost::asio::awaitable<void> Finish(TimePoint until);

 private:
  boost::asio::awaitable<void> SendBatch();
  boost::asio::awaitable<Result<unsigned>> Post(const std::string& body);
  void Drop(std::size_t spans);

  boost::asio::io_context& loop_;
  HttpUrl collector_;
  std::string service_;
  Events events_;
  std::deque<Span> pending_;
  std::size_t sending_ = 0;  // The first of them, which a collector is being asked to take.
  int failures_ = 0;         // In a row.
  bool finishing_ = false;
  boost::asio::steady_timer wake_;
};

}  // namespace holdfast
