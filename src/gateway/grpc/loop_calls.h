// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <boost/asio/post.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/grpc/call_access.h"
#include "gateway/grpc/grpc_gateway.h"
#include "gateway/model_call.h"
#include "ipc/message.h"

namespace holdfast {

// The deadline of a call: its client's, within what the server allows.
TimePoint DeadlineOf(const grpc::CallbackServerContext& context, const GatewayOptions& options);

// A client's own x-request-id if it is usable; else a new one.
std::string RequestIdOf(const grpc::CallbackServerContext& context);

// "3" → 3; empty: the newest. kNotFound for anything else: no version is called so.
Result<std::optional<std::int64_t>> VersionFrom(const std::string& text);

grpc::Status ToStatus(Reason reason, const std::string& message);
grpc::Status ToStatus(const Error& error);
// Of an answer without outcomes.
grpc::Status ToStatus(const ModelCallAnswer& answer);

// What is known of a call when it begins.
RequestRecord BeginRecord(const grpc::CallbackServerContext& context, std::string_view method);

// The call has come to its end: told under its method's name, as HTTP's are under their path.
void TellEnd(ServerState& state, RequestRecord& record, const grpc::Status& status);

// Answers a call that needs no worker: `answer(state)` runs on the loop and fills the response.
template <class Answer>
grpc::ServerUnaryReactor* AnswerOnLoop(GrpcGateway gateway, grpc::CallbackServerContext* context,
                                       std::string_view method, Answer answer,
                                       CallAccess access = CallAccess::kWithKey) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  boost::asio::post(
      gateway.loop, [gateway, context, reactor, method, access, answer = std::move(answer)] {
        RequestRecord record = BeginRecord(*context, method);
        record.kind = RequestRecord::Kind::kProbe;
        const auto refusal =
            access == CallAccess::kOpen ? std::nullopt : RefusalOf(gateway.state, *context, record);
        const grpc::Status status = refusal ? *refusal : answer(gateway.state);
        TellEnd(gateway.state, record, status);
        reactor->Finish(status);
      });
  return reactor;
}

// An inference call. `call` names the model, holds the request's size and parses it; the deadline
// and the request's id are taken from the context. `fill` runs on the loop and makes the response
// of an answer with outcomes.
grpc::ServerUnaryReactor* InferOnLoop(GrpcGateway gateway, grpc::CallbackServerContext* context,
                                      std::string_view method, ModelCall call,
                                      std::function<void(const ModelCallAnswer&)> fill);

// An operator's order (see OrderModel()). PERMISSION_DENIED unless the server lets its clients give
// orders.
grpc::ServerUnaryReactor* OrderOnLoop(GrpcGateway gateway, grpc::CallbackServerContext* context,
                                      std::string_view method, ModelOrder order, std::string text);

}  // namespace holdfast
