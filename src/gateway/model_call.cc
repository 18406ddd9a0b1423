// SPDX-License-Identifier: Apache-2.0
#include "gateway/model_call.h"

#include <algorithm>
#include <utility>

#include "os/steady_clock.h"

namespace holdfast {

std::shared_ptr<RunningCall> RunningCall::Start(ServerState& state, const ModelCall& call,
                                                Done done) {
  const auto running = std::make_shared<RunningCall>(state, *call.record, std::move(done));
  running->Run(call, running);
  return running;
}

RunningCall::~RunningCall() {
  Cancel();
  if (admitted_) state_.AnswerWritten();
}

void RunningCall::Cancel() {
  done_ = nullptr;
  if (const auto call = std::exchange(submitted_, std::nullopt)) {
    state_.rollouts.Cancel(*call);
    state_.metrics.RequestAbandoned();
  }
}

void RunningCall::Run(const ModelCall& call, const std::shared_ptr<RunningCall>& self) {
  record_.kind = RequestRecord::Kind::kInference;
  record_.request_bytes = call.bytes;
  const Result<ServableId> servable = state_.servables.Resolve(call.choice);
  if (!servable) return Refuse(servable.error().reason, servable.error().message);
  servable_ = *servable;
  record_.model = FormatKey(state_.servables.Get(servable_).key);
  hold_.emplace(state_.servables, servable_);
  const auto admission = state_.inference.Admit(servable_, call.bytes, call.deadline);
  if (admission.reason != Reason::kOk) {
    return Refuse(admission.reason, "the server cannot answer this in time now",
                  state_.inference.RetryHint(admission.reason, admission.retry_after));
  }
  ++state_.unwritten;
  admitted_ = true;
  record_.Admitted(Now());
  state_.metrics.RequestAccepted();
  CallResult parsed = call.parse(state_.servables.Get(servable_));
  if (!parsed) {
    state_.metrics.RequestAnswered();
    CallError& error = parsed.error();
    return Refuse(error.reason, std::move(error.message), Duration::zero(), error.item,
                  error.precondition);
  }
  parsed_ = *std::move(parsed);
  const std::string header = state_.rollouts.HeaderOf(servable_);
  Rollouts::Call submission{
      .servable = servable_,
      .any_version = call.choice.any_version(),
      .header = header.empty() || !call.header ? std::string() : call.header(header),
      .items = std::move(parsed_.items),
      .deadline = call.deadline,
      .request_id = record_.id,
      .done = {}};
  submission.done = [weak = std::weak_ptr(self)](Rollouts::Answer answered) {
    if (const auto alive = weak.lock()) alive->OnAnswer(std::move(answered));
  };
  const CallId id = state_.rollouts.Submit(std::move(submission));
  if (!answered_) submitted_ = id;
}

void RunningCall::Refuse(Reason reason, std::string message, Duration retry_after,
                         std::optional<std::size_t> item, bool precondition) {
  state_.metrics.Refused(reason);
  record_.reason = reason;
  if (retry_after == Duration::zero()) {
    retry_after = state_.inference.RetryHint(reason, Duration::zero());
  }
  Tell({.reason = reason,
        .message = std::move(message),
        .retry_after = retry_after,
        .item = item,
        .precondition = precondition});
}

void RunningCall::OnAnswer(Rollouts::Answer answered) {
  std::vector<ItemOutcome>& outcomes = answered.outcomes;
  submitted_.reset();
  answered_ = true;
  state_.metrics.RequestAnswered();
  record_.model = FormatKey(state_.servables.Get(answered.servable).key);
  record_.Answered(outcomes);
  ModelCallAnswer answer;
  const auto failed = std::ranges::find_if(
      outcomes, [](const ItemOutcome& outcome) { return outcome.reason != Reason::kOk; });
  if (failed != outcomes.end()) {
    answer.reason = failed->reason;
    answer.message = failed->detail;
    answer.retry_after = failed->retry_after;
    answer.item = static_cast<std::size_t>(failed - outcomes.begin());
  } else {
    hold_answering_ = std::move(answered.hold);
    answer.servable = &state_.servables.Get(answered.servable);
    answer.call = std::move(parsed_);
    answer.outcomes = std::move(outcomes);
  }
  Tell(std::move(answer));
}

void RunningCall::Tell(ModelCallAnswer answer) {
  const Done done = std::exchange(done_, nullptr);
  if (done) done(std::move(answer));
}

}  // namespace holdfast
