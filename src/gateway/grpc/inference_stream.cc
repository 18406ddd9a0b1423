// SPDX-License-Identifier: Apache-2.0
#include "gateway/grpc/inference_stream.h"

#include <deque>
#include <utility>

#include "gateway/grpc/open_inference_messages.h"
#include "gateway/let_in.h"
#include "gateway/request_id.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

constexpr std::size_t kWindow = 8;  // Requests that have been read and not yet answered.
constexpr std::string_view kStreamMethod = "/inference.GRPCInferenceService/ModelStreamInfer";

// Lives from the stream's begin until OnDone(). gRPC's threads post to the loop; all else is there.
class InferenceStream final : public grpc::ServerBidiReactor<inference::ModelInferRequest,
                                                             inference::ModelStreamInferResponse> {
 public:
  InferenceStream(GrpcGateway gateway, const grpc::CallbackServerContext& context)
      : gateway_(gateway), key_(KeyOf(context)), record_(BeginRecord(context, kStreamMethod)) {
    ReadNext();
  }

  void OnReadDone(bool ok) override {
    boost::asio::post(gateway_.loop, [this, ok] { TakeRequest(ok); });
  }
  void OnWriteDone(bool ok) override {
    boost::asio::post(gateway_.loop, [this, ok] { AfterWrite(ok); });
  }
  void OnCancel() override {
    boost::asio::post(gateway_.loop, [this] { Abandon(); });
  }
  void OnDone() override {
    boost::asio::post(gateway_.loop, [this] { delete this; });
  }

 private:
  struct Exchange {
    inference::ModelInferRequest request;
    inference::ModelStreamInferResponse response;
    RequestRecord record;
    std::shared_ptr<RunningCall> running;
    bool answered = false;
  };

  void ReadNext() {
    next_ = std::make_unique<Exchange>();
    StartRead(&next_->request);
  }

  void TakeRequest(bool ok) {
    reading_ = false;
    if (!ok) read_all_ = true;
    if (!ok || abandoned_) return EndIfOver();
    exchanges_.push_back(std::move(next_));
    Start(*exchanges_.back());
    Continue();
  }

  void Start(Exchange& exchange) {
    exchange.record = record_;
    exchange.record.id = MakeRequestId(exchange.request.id());
    exchange.record.Begin(Now());
    if (const auto verdict = LetIn(gateway_.state, key_); verdict.reason != Reason::kOk) {
      return NotLetIn(exchange, verdict);
    }
    auto call = CallFrom(exchange.request);
    if (!call) return Fail(exchange, ToStatus(call.error()));
    // The stream has one deadline, if any; each of its requests has the server's.
    call->deadline = exchange.record.start + gateway_.state.options.deadline_default;
    call->record = &exchange.record;
    exchange.running =
        RunningCall::Start(gateway_.state, *call, [this, &exchange](const ModelCallAnswer& answer) {
          if (answer.reason != Reason::kOk) {
            Fail(exchange, ToStatus(answer));
          } else {
            FillInfer(answer.call, *answer.servable, answer.outcomes,
                      *exchange.response.mutable_infer_response());
            Done(exchange, grpc::Status::OK);
          }
          Continue();
        });
  }

  // A key over its quota costs a request; a wrong one costs the stream.
  void NotLetIn(Exchange& exchange, const KeyKeeper::Verdict& verdict) {
    gateway_.state.metrics.Refused(verdict.reason);
    exchange.record.reason = verdict.reason;
    const grpc::Status status = ToStatus(verdict.reason, std::string(verdict.words));
    Fail(exchange, status);
    if (verdict.reason != Reason::kUnauthenticated) return;
    end_ = status;
    Abandon();
  }

  void Fail(Exchange& exchange, const grpc::Status& status) {
    exchange.response.set_error_message(status.error_message());
    exchange.response.mutable_infer_response()->set_id(exchange.request.id());
    Done(exchange, status);
  }

  void Done(Exchange& exchange, const grpc::Status& status) {
    exchange.answered = true;
    TellEnd(gateway_.state, exchange.record, status);
  }

  // Writes the oldest answer if it is there, and reads on while there is room.
  void Continue() {
    if (abandoned_) return;
    if (!writing_ && !exchanges_.empty() && exchanges_.front()->answered) {
      writing_ = true;
      StartWrite(&exchanges_.front()->response);
    }
    if (!reading_ && !read_all_ && exchanges_.size() < kWindow) {
      reading_ = true;
      ReadNext();
    }
    EndIfOver();
  }

  void AfterWrite(bool ok) {
    writing_ = false;
    if (!exchanges_.empty()) exchanges_.pop_front();
    if (!ok) return Abandon();
    Continue();
  }

  // The client is gone: what runs is cancelled.
  void Abandon() {
    abandoned_ = true;
    // What is being written stays until gRPC has let go of it.
    while (exchanges_.size() > (writing_ ? 1U : 0U)) exchanges_.pop_back();
    EndIfOver();
  }

  void EndIfOver() {
    const bool over = abandoned_ || (read_all_ && exchanges_.empty());
    if (!over || reading_ || writing_ || std::exchange(ended_, true)) return;
    Finish(abandoned_ ? end_ : grpc::Status::OK);
  }

  GrpcGateway gateway_;
  std::string key_;
  RequestRecord record_;                             // What all its requests have in common.
  grpc::Status end_ = grpc::Status::CANCELLED;       // Of a stream that is abandoned.
  std::deque<std::unique_ptr<Exchange>> exchanges_;  // The oldest first.
  std::unique_ptr<Exchange> next_;
  bool reading_ = true;
  bool writing_ = false;
  bool read_all_ = false;  // The client has sent its last.
  bool abandoned_ = false;
  bool ended_ = false;
};

}  // namespace

grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>*
StartInferenceStream(GrpcGateway gateway, const grpc::CallbackServerContext& context) {
  return new InferenceStream(gateway, context);
}

Result<ModelCall> CallFrom(const inference::ModelInferRequest& request) {
  ModelCall call;
  if (!request.model_name().empty()) call.choice.model = request.model_name();
  call.choice.version = TRY(VersionFrom(request.model_version()));
  call.bytes = request.ByteSizeLong();
  call.parse = [&request](const ServableDescription& servable) {
    return ParseInfer(request, servable, kItemsMax);
  };
  return call;
}

}  // namespace holdfast
