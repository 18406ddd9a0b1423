// SPDX-License-Identifier: Apache-2.0
#include "gateway/grpc/loop_calls.h"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "base/digits.h"
#include "gateway/orders.h"
#include "gateway/request_id.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

constexpr std::string_view kRequestId = "x-request-id";

class UnaryInference final : public grpc::ServerUnaryReactor {
 public:
  UnaryInference(GrpcGateway gateway, grpc::CallbackServerContext* context, std::string_view method,
                 std::function<void(const ModelCallAnswer&)> fill)
      : gateway_(gateway),
        context_(context),
        record_(BeginRecord(*context, method)),
        fill_(std::move(fill)) {}

  // On the loop, from here to OnDone().
  void Start(ModelCall call) {
    context_->AddInitialMetadata(std::string(kRequestId), record_.id);
    call.record = &record_;
    if (const auto refusal = RefusalOf(gateway_.state, *context_, record_)) return End(*refusal);
    call.header = [this](const std::string& name) {
      return std::string(MetadataOf(*context_, name.c_str()));
    };
    running_ = RunningCall::Start(gateway_.state, call,
                                  [this](const ModelCallAnswer& answer) { Answer(answer); });
  }

  void OnCancel() override {
    boost::asio::post(gateway_.loop, [this] {
      if (running_ != nullptr) running_->Cancel();
      End(grpc::Status::CANCELLED);
    });
  }
  // Written, or its client is gone: what the call held goes, on the loop as well.
  void OnDone() override {
    boost::asio::post(gateway_.loop, [this] { delete this; });
  }

 private:
  void Answer(const ModelCallAnswer& answer) {
    if (record_.attempts > 0) {
      context_->AddTrailingMetadata("x-holdfast-attempts", std::to_string(record_.attempts));
    }
    if (answer.reason == Reason::kOk) {
      fill_(answer);
      return End(grpc::Status::OK);
    }
    ExplainRefusal(*context_, answer.reason, answer.retry_after);
    End(ToStatus(answer));
  }

  void End(const grpc::Status& status) {
    if (std::exchange(ended_, true)) return;
    TellEnd(gateway_.state, record_, status);
    Finish(status);
  }

  GrpcGateway gateway_;
  grpc::CallbackServerContext* context_;
  RequestRecord record_;
  std::function<void(const ModelCallAnswer&)> fill_;
  std::shared_ptr<RunningCall> running_;
  bool ended_ = false;
};

// HTTP's number for what gRPC calls otherwise, for the metric's label.
int HttpStatus(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return 200;
    case grpc::StatusCode::CANCELLED:
      return 499;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::OUT_OF_RANGE:
      return 400;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return 504;
    case grpc::StatusCode::NOT_FOUND:
      return 404;
    case grpc::StatusCode::ALREADY_EXISTS:
      return 409;
    case grpc::StatusCode::PERMISSION_DENIED:
      return 403;
    case grpc::StatusCode::UNAUTHENTICATED:
      return 401;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return 429;
    case grpc::StatusCode::UNIMPLEMENTED:
      return 501;
    case grpc::StatusCode::UNAVAILABLE:
      return 503;
    default:
      return 500;
  }
}

boost::asio::awaitable<void> CarryOut(ServerState& state, grpc::CallbackServerContext* context,
                                      grpc::ServerUnaryReactor* reactor, std::string_view method,
                                      ModelOrder order, std::string text) {
  RequestRecord record = BeginRecord(*context, method);
  grpc::Status status = grpc::Status::OK;
  if (const auto refusal = RefusalOf(state, *context, record)) {
    status = *refusal;
  } else if (state.options.model_control != ModelControl::kPublic) {
    status = {grpc::StatusCode::PERMISSION_DENIED,
              "models are managed on the admin address; to allow it here, start the server with "
              "--model-control=public"};
  } else {
    const Status outcome = co_await OrderModel(state, order, std::move(text));
    if (!outcome) status = ToStatus(outcome.error());
  }
  TellEnd(state, record, status);
  reactor->Finish(status);
}

}  // namespace

TimePoint DeadlineOf(const grpc::CallbackServerContext& context, const GatewayOptions& options) {
  using std::chrono::system_clock;
  const TimePoint now = Now();
  const system_clock::time_point until = context.deadline();
  if (until == system_clock::time_point::max()) return now + options.deadline_default;
  const auto left = until - system_clock::now();
  return now + std::min<Duration>(std::max<Duration>(left, Duration::zero()), options.deadline_max);
}

std::string RequestIdOf(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto given = metadata.find(grpc::string_ref(kRequestId.data(), kRequestId.size()));
  if (given == metadata.end()) return MakeRequestId({});
  return MakeRequestId({given->second.data(), given->second.size()});
}

Result<std::optional<std::int64_t>> VersionFrom(const std::string& text) {
  if (text.empty()) return std::optional<std::int64_t>();
  const auto version = ParseDigits<std::int64_t>(text);
  if (!version) return Error{Reason::kNotFound, "versions are numbers"};
  return version;
}

grpc::Status ToStatus(Reason reason, const std::string& message) {
  return {static_cast<grpc::StatusCode>(Describe(reason).grpc), message};
}

grpc::Status ToStatus(const Error& error) { return ToStatus(error.reason, error.message); }

grpc::Status ToStatus(const ModelCallAnswer& answer) {
  if (answer.precondition) return {grpc::StatusCode::FAILED_PRECONDITION, answer.message};
  return ToStatus(answer.reason, answer.message);
}

RequestRecord BeginRecord(const grpc::CallbackServerContext& context, std::string_view method) {
  RequestRecord record;
  record.protocol = RequestRecord::Protocol::kGrpc;
  record.id = RequestIdOf(context);
  record.endpoint = method;
  record.trace =
      ReadTrace(MetadataOf(context, "traceparent"), MetadataOf(context, "x-amzn-trace-id"));
  record.Begin(Now());
  return record;
}

void TellEnd(ServerState& state, RequestRecord& record, const grpc::Status& status) {
  record.status = HttpStatus(status.error_code());
  if (status.error_code() == grpc::StatusCode::CANCELLED) record.reason = Reason::kClientClosed;
  state.journal.Answered(record, Now());
}

grpc::ServerUnaryReactor* InferOnLoop(GrpcGateway gateway, grpc::CallbackServerContext* context,
                                      std::string_view method, ModelCall call,
                                      std::function<void(const ModelCallAnswer&)> fill) {
  call.deadline = DeadlineOf(*context, gateway.state.options);
  auto* const reactor = new UnaryInference(gateway, context, method, std::move(fill));
  boost::asio::post(gateway.loop, [reactor, call = std::move(call)]() mutable {
    reactor->Start(std::move(call));
  });
  return reactor;
}

grpc::ServerUnaryReactor* OrderOnLoop(GrpcGateway gateway, grpc::CallbackServerContext* context,
                                      std::string_view method, ModelOrder order, std::string text) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  boost::asio::co_spawn(gateway.loop,
                        CarryOut(gateway.state, context, reactor, method, order, std::move(text)),
                        boost::asio::detached);
  return reactor;
}

}  // namespace holdfast
