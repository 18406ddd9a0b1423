// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>

#include "gateway/coroutine.h"
#include "os/steady_clock.h"

namespace holdfast {

// Requests that came before their connection's last answer was written wait for a turn, of which
// there is one a round of the loop. Clients that send hundreds at once, and perhaps never read, are
// served no slower for it while they are alone, and do not crowd out those that ask one by one.
class PipelineTurns {
 public:
  explicit PipelineTurns(boost::asio::io_context& loop) : loop_(loop) {}

  // Ends when the turn has come; at once where nobody else waits.
  boost::asio::awaitable<void> Turn() {
    if (taken_) {
      const auto turn = std::make_shared<boost::asio::steady_timer>(loop_, TimePoint::max());
      waiting_.push_back(turn);
      co_await turn->async_wait(kUse);
    } else {
      taken_ = true;
      PassOn();
    }
  }

  std::size_t waiting() const { return waiting_.size(); }

 private:
  void PassOn() {
    boost::asio::post(loop_, [this] {
      if (waiting_.empty()) {
        taken_ = false;
        return;
      }
      waiting_.front()->cancel();
      waiting_.pop_front();
      PassOn();
    });
  }

  boost::asio::io_context& loop_;
  std::deque<std::shared_ptr<boost::asio::steady_timer>> waiting_;
  bool taken_ = false;
};

}  // namespace holdfast
