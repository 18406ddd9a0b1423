// SPDX-License-Identifier: Apache-2.0
#include "gateway/orders.h"

#include <boost/asio/this_coro.hpp>
#include <utility>

#include "gateway/coroutine.h"
#include "gateway/encoding/json_writer.h"
#include "gateway/http/add_request.h"
#include "gateway/http/drill_order.h"
#include "ipc/label_order.h"
#include "ipc/rollout_order.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

constexpr auto kOrderTime = std::chrono::minutes(6);

Result<HttpAnswer> Drill(ServerState& state, ByteView body) {
  const DrillFault fault = TRY(ParseDrillOrder(body));
  const DrilledWorker worker = TRY(state.inference.Drill(fault));
  HttpAnswer answer;
  answer.body = "{";
  AppendJsonText(answer.body, "fault", DrillFaultWord(fault));
  AppendJsonText(answer.body, "model", worker.model);
  AppendJsonCount(answer.body, "slot", worker.slot.value);
  AppendJsonCount(answer.body, "generation", worker.generation.value);
  AppendJsonCount(answer.body, "pid", worker.pid);
  answer.body += "}\n";
  return answer;
}

std::string EndOfRollout(const Route& route) {
  return EncodeRolloutEndOrder(
      {.model = *route.model, .version = route.version, .why = "an operator's order"});
}

struct OrderOfModel {
  ModelOrder order;
  std::string text;
};

Result<OrderOfModel> OrderOf(const ServerState& state, const Route& route, ByteView body) {
  switch (route.endpoint) {
    case Endpoint::kModelLoad:
      return OrderOfModel{ModelOrder::kLoad, *route.model};
    case Endpoint::kModelUnload:
      return OrderOfModel{ModelOrder::kUnload, *route.model};
    case Endpoint::kModelPromote:
      return OrderOfModel{ModelOrder::kPromote, EndOfRollout(route)};
    case Endpoint::kModelRollout:
      if (route.deletes) return OrderOfModel{ModelOrder::kRollBack, EndOfRollout(route)};
      return OrderOfModel{ModelOrder::kRollout,
                          EncodeRolloutOrder({.model = *route.model,
                                              .rollout = {.version = route.version.value_or(0),
                                                          .rule = route.rollout}})};
    case Endpoint::kSageMakerModel:
      return OrderOfModel{ModelOrder::kRemove, *route.model};
    case Endpoint::kSageMakerModels:
      return OrderOfModel{
          ModelOrder::kAdd,
          EncodeAddOrder(TRY(ParseAddRequest(body, state.options.multi_model_root)))};
    default:
      return OrderOfModel{ModelOrder::kLabel, EncodeLabelOrder({.model = *route.model,
                                                                .label = *route.label,
                                                                .version = route.version})};
  }
}

// SageMaker takes 409, 507 and what ends by itself for what they are, and 400 for a bad model.
Error AsSageMaker(Error error) {
  switch (error.reason) {
    case Reason::kBadModel:
    case Reason::kNotFound:
    case Reason::kNoWorker:
    case Reason::kUsage:
    case Reason::kUnavailable:
      error.reason = Reason::kBadRequest;
      break;
    default:
      break;
  }
  return error;
}

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

bool IsOrder(const Route& route) {
  switch (route.endpoint) {
    case Endpoint::kDrill:
    case Endpoint::kModelLoad:
    case Endpoint::kModelUnload:
    case Endpoint::kModelLabel:
    case Endpoint::kModelPromote:
      return true;
    case Endpoint::kModelRollout:
      return !route.reads;
    case Endpoint::kSageMakerModels:
      return route.posts;
    case Endpoint::kSageMakerModel:
      return route.deletes;
    default:
      return false;
  }
}

bool HasOrderBody(const Route& route) {
  return route.endpoint == Endpoint::kDrill || route.endpoint == Endpoint::kSageMakerModels;
}

boost::asio::awaitable<Result<HttpAnswer>> CarryOutOrder(ServerState& state, const Route& route,
                                                         ByteView body) {
  if (route.endpoint == Endpoint::kDrill) co_return Drill(state, body);
  Result<OrderOfModel> order = OrderOf(state, route, body);
  if (!order) co_return order.error();
  const Status outcome = co_await OrderModel(state, order->order, std::move(order->text));
  const bool added = order->order == ModelOrder::kAdd;
  if (!outcome) co_return added ? AsSageMaker(outcome.error()) : outcome.error();
  HttpAnswer answer;
  answer.body = "{}\n";
  co_return answer;
}

}  // namespace holdfast
