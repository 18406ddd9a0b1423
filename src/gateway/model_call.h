// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/call/parsed_call.h"
#include "gateway/report/request_record.h"
#include "gateway/server_state.h"

namespace holdfast {

// An inference call whose request is complete in memory, from a face that has no body to read.
struct ModelCall {
  ModelChoice choice;
  TimePoint deadline;
  std::size_t bytes = 0;  // What the request holds.
  // The request's, with its id; it is filled in on the way, and must outlive the RunningCall.
  RequestRecord* record = nullptr;
  // The value of the request's header, or metadata, of that name; nothing: it has none to ask for.
  std::function<std::string(const std::string&)> header;
  // Turns the request into items; called at most once, before the answer.
  std::function<CallResult(const ServableDescription&)> parse;
};

struct ModelCallAnswer {
  // Why there are no outcomes, or what the first item that failed has come to.
  Reason reason = Reason::kOk;
  std::string message;
  Duration retry_after{0};
  std::optional<std::size_t> item;
  bool precondition = false;  // CallError's.
  // With kOk only; `servable` is valid as long as the RunningCall.
  const ServableDescription* servable = nullptr;
  ParsedCall call;
  std::vector<ItemOutcome> outcomes;
};

// A call on its way, from its admission until its answer has been written: keep it as long, for a
// drain waits for it. All of it on the gateway's loop.
class RunningCall {
 public:
  using Done = std::function<void(ModelCallAnswer)>;

  // Resolves, admits, parses and submits. `done` is called exactly once unless the call is
  // cancelled, perhaps before Start() returns.
  static std::shared_ptr<RunningCall> Start(ServerState& state, const ModelCall& call, Done done);
  RunningCall(ServerState& state, RequestRecord& record, Done done)
      : state_(state), record_(record), done_(std::move(done)) {}
  RunningCall(const RunningCall&) = delete;
  RunningCall& operator=(const RunningCall&) = delete;
  ~RunningCall();

  // The client went away.
  void Cancel();

 private:
  void Run(const ModelCall& call, const std::shared_ptr<RunningCall>& self);
  void Refuse(Reason reason, std::string message, Duration retry_after = Duration::zero(),
              std::optional<std::size_t> item = std::nullopt, bool precondition = false);
  void OnAnswer(Rollouts::Answer answered);
  void Tell(ModelCallAnswer answer);

  ServerState& state_;
  RequestRecord& record_;
  Done done_;
  std::optional<ServableTable::Hold> hold_;
  std::shared_ptr<ServableTable::Hold> hold_answering_;  // Of a canary that has answered.
  ServableId servable_{};
  ParsedCall parsed_;
  std::optional<CallId> submitted_;  // Until its outcomes are there.
  bool answered_ = false;            // They are.
  bool admitted_ = false;
};

}  // namespace holdfast
