// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "ipc/message.h"

namespace holdfast {

// What operators want of models, on its way to the supervisor, and who waits for the outcome. Lives
// on the gateway's loop.
class ModelOrders {
 public:
  // Passes an order on: its kind, its number, its text.
  using Send = std::function<Status(ModelOrder, std::uint64_t, const std::string&)>;
  explicit ModelOrders(Send send) : send_(std::move(send)) {}

  // Whoever waits does so on the timer, which ends early when the outcome is there.
  struct Waiting {
    explicit Waiting(const boost::asio::any_io_executor& executor) : timer(executor) {}
    boost::asio::steady_timer timer;
    std::optional<Status> outcome;
  };

  // kUnavailable: the order cannot be passed on.
  Status Start(ModelOrder order, const std::string& text, const std::shared_ptr<Waiting>& waiting) {
    const std::uint64_t number = next_++;
    std::erase_if(waiting_, [](const auto& entry) { return entry.second.expired(); });
    waiting_[number] = waiting;
    return send_(order, number, text);
  }

  void Done(std::uint64_t number, Status outcome) {
    const auto entry = waiting_.extract(number);
    const auto waiting = entry.empty() ? nullptr : entry.mapped().lock();
    if (waiting == nullptr) return;
    waiting->outcome = std::move(outcome);
    waiting->timer.cancel();
  }

 private:
  Send send_;
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, std::weak_ptr<Waiting>> waiting_;
};

}  // namespace holdfast
