// SPDX-License-Identifier: Apache-2.0
#include "gateway/order_model.h"

#include <boost/asio/this_coro.hpp>

#include "gateway/coroutine.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

constexpr auto kOrderTime = std::chrono::minutes(6);

}  // namespace

boost::asio::awaitable<Status> OrderModel(ServerState& state, ModelOrder order, std::string text) {
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto waiting = std::make_shared<ModelOrders::Waiting>(executor);
  const Status sent = state.orders.Start(order, text, waiting);
  if (!sent) co_return Status(sent.error());
  waiting->timer.expires_after(kOrderTime);
  while (!waiting->outcome.has_value() && Now() < waiting->timer.expiry()) {
    co_await waiting->timer.async_wait(kUse);
  }
  if (waiting->outcome.has_value()) co_return std::move(*waiting->outcome);
  co_return Error{Reason::kDeadlineExceeded, "it is not done yet, and goes on"};
}

}  // namespace holdfast
