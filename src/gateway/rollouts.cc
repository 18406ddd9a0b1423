// SPDX-License-Identifier: Apache-2.0
#include "gateway/rollouts.h"

#include <algorithm>
#include <utility>

#include "os/steady_clock.h"
#include "rollout/share.h"

namespace holdfast {
namespace {

// For what no client waits for.
constexpr auto kComparisonTime = std::chrono::seconds(10);

bool IsServersFault(Reason reason) { return Describe(reason).http >= 500; }

// How a version has done with a request. Nothing: that it was not answered is not its doing.
std::optional<ArmOutcome> OutcomeOf(const std::vector<ItemOutcome>& outcomes) {
  std::optional<ArmOutcome> worst = ArmOutcome::kAnswered;
  for (const ItemOutcome& outcome : outcomes) {
    if (outcome.reason == Reason::kOutputInvalid) return ArmOutcome::kInvalid;
    if (!IsServersFault(outcome.reason) || outcome.reason == Reason::kRequestQuarantined) continue;
    // What never reached a worker waited for others.
    const bool ran = outcome.attempts > 0 || outcome.reason == Reason::kNoWorker ||
                     outcome.reason == Reason::kRequestCrashedWorker;
    worst = ran ? std::optional(ArmOutcome::kError) : std::nullopt;
    if (ran) break;
  }
  return worst;
}

bool Failed(const std::vector<ItemOutcome>& outcomes) {
  return std::ranges::any_of(outcomes,
                             [](const auto& outcome) { return IsServersFault(outcome.reason); });
}

// The name of the most probable class, as a client sees it.
std::string BestLabel(const ServableDescription& servable, const ItemOutcome& outcome) {
  const auto best = std::ranges::max_element(outcome.scores);
  return LabelOf(servable, static_cast<std::uint32_t>(best - outcome.scores.begin()));
}

std::vector<InferenceItem> Borrowed(const std::vector<InferenceItem>& items) {
  std::vector<InferenceItem> borrowed;
  for (const InferenceItem& item : items) {
    borrowed.push_back(
        {.kind = item.kind, .bytes = ItemBytes::Borrow(item.bytes.view()), .expected_class = {}});
  }
  return borrowed;
}

}  // namespace

// A request that a canary has been asked.
struct Rollouts::Running {
  CallId id = 0;
  Call call;
  ServableId canary;
  std::shared_ptr<ServableTable::Hold> hold;  // Of the canary.
  CallId inner = 0;                           // The inference service's, of whoever is asked now.
  bool fell_back = false;
  std::uint32_t attempts = 0;  // The canary's.
};

// --- Requests ---

std::string Rollouts::HeaderOf(ServableId servable) const {
  const auto trial = servables_.TrialBeside(servable);
  return trial.has_value() && trial->rule.kind == RolloutKind::kCanary ? trial->rule.header : "";
}

CallId Rollouts::Submit(Call call) {
  const auto trial = call.any_version ? servables_.TrialBeside(call.servable)
                                      : std::optional<ServableTable::Trial>();
  if (!trial.has_value()) return AskCurrent(std::move(call), false);
  if (!GoesToCanary(call, *trial)) return AskCurrent(std::move(call), true);
  const auto running = std::make_shared<Running>();
  running->id = next_++;
  running->canary = trial->servable;
  running->hold = std::make_shared<ServableTable::Hold>(servables_, trial->servable);
  running->call = std::move(call);
  running_[running->id] = running;
  if (!AskCanary(running)) FallBack(running);
  return running->id;
}

void Rollouts::Cancel(CallId call) {
  const auto running = running_.extract(call);
  inference_.Cancel(running.empty() ? call : running.mapped()->inner);
}

bool Rollouts::GoesToCanary(const Call& call, const ServableTable::Trial& trial) const {
  if (trial.rule.kind != RolloutKind::kCanary || !TakesItems(call, trial.servable)) return false;
  if (call.header == trial.rule.header_value) return true;
  if (call.header == "never") return false;
  const ModelKey& key = servables_.Get(trial.servable).key;
  return InShare(call.request_id, FormatKey(key), trial.rule.percent);
}

// Photos suit any model, tensors must have its shape.
bool Rollouts::TakesItems(const Call& call, ServableId other) const {
  const bool tensors = std::ranges::any_of(
      call.items, [](const InferenceItem& item) { return item.kind == ItemKind::kTensor; });
  return !tensors || ItemShape(servables_.Get(call.servable).signature.input) ==
                         ItemShape(servables_.Get(other).signature.input);
}

Rollouts::Record* Rollouts::RecordOf(ServableId servable) {
  const auto record = records_.find(servables_.Get(servable).key.name);
  return record == records_.end() ? nullptr : &record->second;
}

// `counts`: a version is on trial beside it.
CallId Rollouts::AskCurrent(Call call, bool counts) {
  if (!counts) {
    InferenceService::Call plain{.servable = call.servable,
                                 .items = std::move(call.items),
                                 .deadline = call.deadline,
                                 .request_id = std::move(call.request_id),
                                 .done = {}};
    plain.done = [servable = call.servable,
                  done = std::move(call.done)](std::vector<ItemOutcome> outcomes) {
      done({.servable = servable, .outcomes = std::move(outcomes), .hold = nullptr});
    };
    return inference_.Submit(std::move(plain));
  }
  const auto shared = std::make_shared<Call>(std::move(call));
  InferenceService::Call borrowing{.servable = shared->servable,
                                   .items = Borrowed(shared->items),
                                   .deadline = shared->deadline,
                                   .request_id = shared->request_id,
                                   .done = {}};
  borrowing.done = [this, shared](std::vector<ItemOutcome> outcomes) {
    CountArm(shared->servable, Arm::kCurrent, outcomes);
    const auto trial = servables_.TrialBeside(shared->servable);
    if (trial.has_value() && trial->rule.kind == RolloutKind::kShadow &&
        InShare(shared->request_id, "shadow", trial->rule.percent)) {
      Compare(*shared, shared->servable, outcomes.front(), trial->servable);
    }
    shared->done({.servable = shared->servable, .outcomes = std::move(outcomes), .hold = nullptr});
  };
  return inference_.Submit(std::move(borrowing));
}

// False: it would not be answered there; nothing has been asked.
bool Rollouts::AskCanary(const std::shared_ptr<Running>& running) {
  const Call& call = running->call;
  // The other half is the current version's, should it have to answer after all.
  const TimePoint now = Now();
  const TimePoint deadline = now + (call.deadline - now) / 2;
  std::size_t bytes = 0;
  for (const InferenceItem& item : call.items) bytes += item.bytes.view().size();
  const auto admission = inference_.Admit(running->canary, bytes, deadline);
  if (admission.reason != Reason::kOk) {
    ItemOutcome refused{.reason = admission.reason, .detail = ""};
    CountArm(running->canary, Arm::kNew, {refused});
    return false;
  }
  InferenceService::Call asked{.servable = running->canary,
                               .items = Borrowed(call.items),
                               .deadline = deadline,
                               .request_id = call.request_id,
                               .done = {},
                               .purpose = InferenceService::Purpose::kTrial};
  asked.done = [this, running](std::vector<ItemOutcome> outcomes) {
    OnCanary(running, std::move(outcomes));
  };
  const CallId inner = inference_.Submit(std::move(asked));
  if (!running->fell_back) running->inner = inner;
  return true;
}

void Rollouts::OnCanary(const std::shared_ptr<Running>& running,
                        std::vector<ItemOutcome> outcomes) {
  CountArm(running->canary, Arm::kNew, outcomes);
  if (Failed(outcomes)) {
    for (const ItemOutcome& outcome : outcomes) {
      running->attempts = std::max(running->attempts, outcome.attempts);
    }
    return FallBack(running);
  }
  running_.erase(running->id);
  Compare(running->call, running->canary, outcomes.front(), running->call.servable);
  running->call.done({.servable = running->canary,
                      .outcomes = std::move(outcomes),
                      .hold = std::move(running->hold)});
}

void Rollouts::FallBack(const std::shared_ptr<Running>& running) {
  running->fell_back = true;
  const Call& call = running->call;
  InferenceService::Call again{.servable = call.servable,
                               .items = Borrowed(call.items),
                               .deadline = call.deadline,
                               .request_id = call.request_id,
                               .done = {}};
  again.done = [this, running](std::vector<ItemOutcome> outcomes) {
    CountArm(running->call.servable, Arm::kCurrent, outcomes);
    for (ItemOutcome& outcome : outcomes) outcome.attempts += running->attempts;
    running_.erase(running->id);
    running->call.done(
        {.servable = running->call.servable, .outcomes = std::move(outcomes), .hold = nullptr});
  };
  running->inner = inference_.Submit(std::move(again));
}

// --- What is learned ---

void Rollouts::CountArm(ServableId servable, Arm arm, const std::vector<ItemOutcome>& outcomes) {
  Record* const record = RecordOf(servable);
  const auto outcome = OutcomeOf(outcomes);
  if (record == nullptr || !outcome.has_value()) return;
  record->comparison.Count(arm, *outcome);
  metrics_.RolloutRequest(FormatKey(record->key), ArmWord(arm), ArmOutcomeWord(*outcome));
  for (const ItemOutcome& item : outcomes) {
    if (item.reason != Reason::kOk) continue;
    record->comparison.CountTime(
        arm,
        std::chrono::microseconds(std::uint64_t{item.times.preprocess_us} + item.times.infer_us));
  }
}

// Asks `other` for the first item that `answered` has answered: one at a time, and only if no
// client has to wait for it.
void Rollouts::Compare(const Call& call, ServableId answered, const ItemOutcome& outcome,
                       ServableId other) {
  Record* const record = RecordOf(answered);
  if (record == nullptr || record->comparing || outcome.reason != Reason::kOk) return;
  if (!inference_.HasRoomToSpare(other) || !TakesItems(call, other)) return;
  record->comparing = true;
  const ByteView bytes = call.items.front().bytes.view();  // The request's: it is about to go.
  InferenceService::Call asked{.servable = other,
                               .items = {},
                               .deadline = Now() + kComparisonTime,
                               .request_id = call.request_id,
                               .done = {},
                               .purpose = InferenceService::Purpose::kComparison};
  asked.items.push_back({.kind = call.items.front().kind,
                         .bytes = ItemBytes::Own({bytes.begin(), bytes.end()}),
                         .expected_class = {}});
  asked.done = [this, answered, label = BestLabel(servables_.Get(answered), outcome),
                other](const std::vector<ItemOutcome>& outcomes) {
    OnCompared(answered, label, other, outcomes);
  };
  inference_.Submit(std::move(asked));
}

void Rollouts::OnCompared(ServableId answered, const std::string& label, ServableId other,
                          const std::vector<ItemOutcome>& outcomes) {
  Record* const record = servables_.Has(other) ? RecordOf(other) : nullptr;
  if (record == nullptr) return;
  record->comparing = false;
  const bool new_one_answered =
      servables_.Has(answered) && servables_.Get(answered).key == record->key;
  const bool new_one_asked = servables_.Get(other).key == record->key;
  if (!new_one_answered && !new_one_asked) return;  // Another trial has begun since.
  if (new_one_asked) CountArm(other, Arm::kNew, outcomes);
  const ItemOutcome& outcome = outcomes.front();
  if (IsServersFault(outcome.reason)) return;
  const bool agree =
      outcome.reason == Reason::kOk && BestLabel(servables_.Get(other), outcome) == label;
  record->comparison.CountPair(agree);
  metrics_.RolloutCompared(FormatKey(record->key), agree);
}

// --- Trials ---

void Rollouts::Follow(TimePoint now) {
  std::erase_if(records_, [this](const auto& entry) {
    const auto rollout = servables_.rollouts().find(entry.first);
    const bool same = rollout != servables_.rollouts().end() &&
                      rollout->second.version == entry.second.key.version &&
                      rollout->second.rule == entry.second.comparison.rule();
    if (same) return false;
    metrics_.RolloutShare(FormatKey(entry.second.key), 0);
    const bool over = rollout == servables_.rollouts().end() ||
                      rollout->second.version != entry.second.key.version;
    if (over) CountEnd(entry.second);
    return true;
  });
  for (const auto& [model, rollout] : servables_.rollouts()) {
    if (records_.contains(model)) continue;
    const ModelKey key{model, rollout.version};
    records_.try_emplace(model, Record{.key = key, .comparison = Comparison(rollout.rule, now)});
    metrics_.RolloutShare(
        FormatKey(key), rollout.rule.kind == RolloutKind::kCanary ? rollout.rule.percent / 100 : 0);
  }
}

// What the gateway has not ended itself: an operator did, or it failed.
void Rollouts::CountEnd(const Record& record) {
  if (record.judged) return;
  const auto statuses = servables_.Statuses();
  const bool serves = std::ranges::any_of(statuses, [&record](const ServableStatus& status) {
    return status.key == record.key && status.state == ServableState::kAvailable;
  });
  metrics_.RolloutEnded(FormatKey(record.key), serves ? "promoted" : "other");
}

void Rollouts::Check(TimePoint now) {
  for (auto& [model, record] : records_) {
    const bool untouched = record.comparison.record(Arm::kNew).requests == 0;
    if (untouched) record.comparison.StartWindow(now);  // It may still be loading.
    if (record.judged || untouched) continue;
    if (record.comparison.rule().kind == RolloutKind::kCanary) JudgeCanary(record, now);
    if (!record.judged && record.comparison.WindowDone(now)) EndWindow(record, now);
  }
}

void Rollouts::JudgeCanary(Record& record, TimePoint now) {
  const auto cause = record.comparison.Against();
  if (!cause.has_value()) return;
  const std::string_view word = RollbackCauseWord(*cause);
  const Status told =
      tell_(ModelOrder::kRollBack, {.model = record.key.name,
                                    .version = record.key.version,
                                    .why = std::string(word) + ": " + record.comparison.Words()});
  if (!told) return record.comparison.StartWindow(now);
  record.judged = true;
  metrics_.RolloutEnded(FormatKey(record.key), word);
  LogVerdict(record, "rollback", word);
}

void Rollouts::EndWindow(Record& record, TimePoint now) {
  const auto cause = record.comparison.Against();
  if (cause.has_value()) {
    LogVerdict(record, "worse", RollbackCauseWord(*cause));  // A shadow: nobody is hurt.
  } else if (record.comparison.rule().promote &&
             tell_(ModelOrder::kPromote, {.model = record.key.name,
                                          .version = record.key.version,
                                          .why = "nothing is against it"})) {
    record.judged = true;
    metrics_.RolloutEnded(FormatKey(record.key), "promoted");
    LogVerdict(record, "promote", "");
    return;
  } else {
    LogVerdict(record, "sound", "");
  }
  record.comparison.StartWindow(now);
}

void Rollouts::LogVerdict(const Record& record, std::string_view verdict, std::string_view cause) {
  const Comparison& comparison = record.comparison;
  const std::string model = FormatKey(record.key);
  const Comparison::Record& ours = comparison.record(Arm::kNew);
  const Comparison::Record& current = comparison.record(Arm::kCurrent);
  const auto fields = {LogField("model", model),
                       LogField("kind", RolloutKindWord(comparison.rule().kind)),
                       LogField("verdict", verdict),
                       LogField("cause", cause),
                       LogField("new_requests", ours.requests),
                       LogField("new_errors", ours.errors),
                       LogField("new_invalid", ours.invalid),
                       LogField("new_median_ms", Milliseconds(ours.times.Quantile(0.5))),
                       LogField("new_p99_ms", Milliseconds(ours.times.Quantile(0.99))),
                       LogField("current_requests", current.requests),
                       LogField("current_errors", current.errors),
                       LogField("current_invalid", current.invalid),
                       LogField("current_median_ms", Milliseconds(current.times.Quantile(0.5))),
                       LogField("current_p99_ms", Milliseconds(current.times.Quantile(0.99))),
                       LogField("compared", comparison.disagreement().of),
                       LogField("disagreed", comparison.disagreement().count)};
  if (cause.empty()) {
    log_.Info("rollout-verdict", fields);
  } else {
    log_.Warning("rollout-verdict", fields);
  }
}

const Comparison* Rollouts::ComparisonOf(const std::string& model) const {
  const auto record = records_.find(model);
  return record == records_.end() ? nullptr : &record->second.comparison;
}

}  // namespace holdfast
