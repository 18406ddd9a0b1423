// SPDX-License-Identifier: Apache-2.0
#include "gateway/inference_service.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "gateway/call/answer_check.h"
#include "model/digest.h"

namespace holdfast {
namespace {

// While anything runs, the loop wakes this often, so that a host that slept is seen to have slept.
constexpr auto kPulse = std::chrono::milliseconds(100);
constexpr auto kLateness = std::chrono::milliseconds(50);
constexpr std::size_t kBoardsMax = 1024;

const char* WordsFor(Reason refusal) {
  switch (refusal) {
    case Reason::kDeadlineExceeded:
      return "the deadline passed before it could be classified";
    case Reason::kRequestCrashedWorker:
      return "two workers ended while they worked on it";
    case Reason::kOutputInvalid:
      return "the model gave no valid answer to it";
    case Reason::kOverloaded:
      return "its worker failed, and no more items may be tried again just now";
    default:
      return "no worker could classify it";
  }
}

Scheduler::Options SchedulerOptions(const GatewayOptions& options) {
  Scheduler::Options scheduling{.items_max = options.queue_items_max,
                                .bytes_max = options.queue_bytes_max,
                                .hang_floor = options.hang_floor};
  if (options.running_items_max > 0) scheduling.running_max = options.running_items_max;
  return scheduling;
}

}  // namespace

InferenceService::InferenceService(boost::asio::io_context& loop, const GatewayOptions& options,
                                   ServableTable& servables, Metrics& metrics, Log& log,
                                   TellSupervisor tell)
    : servables_(servables),
      metrics_(metrics),
      log_(log),
      tell_(std::move(tell)),
      budget_(options.queue_bytes_max),
      running_max_(options.running_items_max),
      is_successor_(options.successor > 0),
      scheduler_(SchedulerOptions(options)),
      quarantine_({}),
      poison_(options.poison_dir),
      pool_(loop, {.ready = [this](SlotId s, Generation g) { OnReady(s, g); },
                   .answered = [this](SlotId s, Generation g, ItemId i) { OnAnswered(s, g, i); },
                   .lost = [this](SlotId s, Generation g, bool b) { OnLost(s, g, b); }}),
      timer_(loop),
      last_progress_(Now()),
      random_(static_cast<std::uint32_t>(Now().time_since_epoch().count())) {}

// --- Requests ---

Scheduler::Admission InferenceService::Admit(ServableId servable, std::size_t bytes,
                                             TimePoint deadline) {
  if (!budget_.Takes(bytes, scheduler_.bytes())) {
    return {Reason::kOverloaded, std::chrono::seconds(1)};
  }
  return scheduler_.Admit(servable, 1, bytes, deadline, Now());
}

CallId InferenceService::Submit(Call call) {
  CHECK(!call.items.empty());
  const TimePoint now = Now();
  const CallId id = next_call_++;
  PendingCall& pending = calls_[id];
  pending.call = std::move(call);
  pending.outcomes.resize(pending.call.items.size());
  pending.open = pending.call.items.size();
  pending.submitted = now;
  if (scheduler_.items() == 0) last_progress_ = now;  // There was nothing to move on with.
  const bool check_digests = !quarantine_.Empty(now);
  // All get their place first: a refusal below must not end the call before it has begun.
  for (std::size_t i = 0; i < pending.call.items.size(); ++i) {
    pending.ids.push_back(ItemId{next_item_++});
    places_[pending.ids.back()] = ItemPlace{id, i, {.queued = now, .dispatched = now}};
  }
  const std::vector<ItemId> ids = pending.ids;
  for (const ItemId item : ids) {
    const ItemPlace place = places_.at(item);
    const PendingCall& owner = calls_.at(id);
    const std::string& model = servables_.Get(owner.call.servable).key.name;
    if (check_digests && quarantine_.Contains(model, DigestOf(place), now)) {
      Finish(item, {.reason = Reason::kRequestQuarantined,
                    .detail = "this image has killed its workers before"});
      continue;
    }
    const auto admission = scheduler_.Enqueue({.id = item,
                                               .servable = owner.call.servable,
                                               .deadline = owner.call.deadline,
                                               .bytes = ItemAt(place).bytes.view().size(),
                                               .one_try = owner.call.purpose != Purpose::kRequest},
                                              now);
    if (admission.reason != Reason::kOk) {
      Finish(item, {.reason = admission.reason,
                    .detail = "the queue cannot take it in time",
                    .retry_after = RetryHint(admission.reason, admission.retry_after)});
    }
  }
  Pump();
  return id;
}

void InferenceService::Cancel(CallId id) {
  const auto call = calls_.extract(id);
  if (call.empty()) return;
  for (const ItemId item : call.mapped().ids) {
    if (places_.erase(item) > 0) scheduler_.Cancel(item);
  }
  Pump();
}

// --- News from the supervisor ---

void InferenceService::AddServable(ServableId id, ServableDescription description) {
  scheduler_.AddServable(id, description.service);
  scheduler_.SetFailed(id, false);
  servables_.Add(id, std::move(description));
  // A successor's workers are on their way: it is as healthy as its predecessor was.
  last_ready_.try_emplace(id, is_successor_ ? Now() : TimePoint::min());
}

void InferenceService::ServableFailed(ServableId id) {
  servables_.SetFailed(id);
  if (!servables_.Has(id)) return;
  scheduler_.SetFailed(id, true);
  Pump();
}

bool InferenceService::ForgetServable(ServableId id) {
  const bool has_worker =
      std::any_of(slot_servables_.begin(), slot_servables_.end(),
                  [&](const auto& entry) { return entry.second == id && pool_.Has(entry.first); });
  if (has_worker || !idle(id)) return false;
  scheduler_.RemoveServable(id);
  std::erase_if(slot_servables_, [id](const auto& entry) { return entry.second == id; });
  last_ready_.erase(id);
  last_answers_.erase(id);
  suspects_.erase(id);
  doubted_.erase(id);
  statistics_.erase(id);
  if (last_asked_ == id) last_asked_.reset();
  return true;
}

void InferenceService::AddWorker(SlotId slot, Generation generation, ServableId servable,
                                 UniqueFd channel, UniqueFd arena) {
  // News of the successor may come before the old channel's end-of-file: a replacement is a death.
  if (const auto old = pool_.GenerationOf(slot); old.has_value()) LoseWorker(slot, *old);
  if (const Status added = pool_.Add(slot, generation, std::move(channel), std::move(arena));
      !added) {
    log_.Error("cannot take a worker", {{"slot", slot.value}, {"error", added.error().message}});
    tell_({.kind = MessageKind::kRecycle,
           .slot = slot,
           .generation = generation,
           .code = static_cast<std::uint32_t>(DeathCause::kBrokeProtocol)});
    return;
  }
  slot_servables_[slot] = servable;
  services_[slot] = {.since = Now()};
  ready_slots_.erase(slot);
  scheduler_.WorkerStarting(slot, generation, servable, Now());
}

void InferenceService::WorkerDied(SlotId slot, Generation generation, ServableId servable,
                                  DeathCause cause, const DeathReport& report) {
  // So may the news of a death, or the end-of-file may not come at all.
  if (pool_.GenerationOf(slot) == generation) LoseWorker(slot, generation);
  const auto board = lost_boards_.extract({slot, generation});
  const OnBoard& item = board.empty() ? OnBoard{} : board.mapped();
  const std::string model = ModelName(servable);  // Outlives the fields, which only refer to it.
  metrics_.WorkerExited(model, cause);
  const auto fields = {LogField("model", model),
                       LogField("slot", slot.value),
                       LogField("generation", generation.value),
                       LogField("pid", report.pid),
                       LogField("cause", DeathCauseWord(cause)),
                       LogField("exit", report.exit),
                       LogField("explanation", report.explanation),
                       LogField("peak_rss_mib", report.peak_rss_bytes >> 20),
                       LogField("age_ms", report.age_ms),
                       LogField("request_id", item.request_id),
                       LogField("digest", item.digest),
                       LogField("last_words", report.last_words)};
  if (cause == DeathCause::kDrained || cause == DeathCause::kGatewayGone ||
      cause == DeathCause::kOutgrown || cause == DeathCause::kUnloaded) {
    log_.Info("worker-died", fields);
  } else {
    log_.Warning("worker-died", fields);
  }
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  deaths_.Add({.unix_time = std::chrono::duration<double>(wall).count(),
               .model = model,
               .slot = slot,
               .generation = generation,
               .cause = cause,
               .report = report,
               .request_id = item.request_id,
               .digest = item.digest});
  scheduler_.Verdict(slot, generation, cause, Now());
  Pump();
}

void InferenceService::RetireWorker(SlotId slot, Generation generation, DeathCause cause) {
  scheduler_.Retire(slot, generation, cause);
  Pump();
}

// Reads what a dead worker has said last, and forgets it.
void InferenceService::LoseWorker(SlotId slot, Generation generation) {
  pool_.ReadAll();
  if (pool_.GenerationOf(slot) == generation) OnLost(slot, generation, pool_.Drop(slot));
}

// --- News from the workers ---

void InferenceService::OnReady(SlotId slot, Generation generation) {
  scheduler_.WorkerReady(slot, generation, Now());
  ready_slots_.insert(slot);
  if (const auto lost = lost_at_.extract(slot); !lost.empty()) {
    metrics_.WorkerReplaced(Now() - lost.mapped());
  }
  last_ready_[slot_servables_.at(slot)] = Now();
  tell_({.kind = MessageKind::kWorkerReady, .slot = slot, .generation = generation});
  Pump();
}

void InferenceService::OnAnswered(SlotId slot, Generation generation, ItemId item) {
  NoteSleep(Now());
  const ServableDescription& servable = servables_.Get(slot_servables_.at(slot));
  Result<WorkerAnswer> answer = pool_.ReadAnswer(slot);
  GarbleIfOrdered(slot, answer);
  const Status valid = Judge(slot, item, answer);
  if (!valid) {
    metrics_.InvalidOutput(FormatKey(servable.key));
    log_.Warning(
        "answer-invalid",
        {{"model", FormatKey(servable.key)}, {"slot", slot.value}, {"why", valid.error().message}});
    if (MayBeTheItems(slot, item, answer)) {
      running_.erase(slot);
      last_progress_ = Now();
      doubted_.insert(slot_servables_.at(slot));
      scheduler_.WorkerDoubted(slot, generation, item, Now());
    } else {
      scheduler_.Condemn(slot, generation, DeathCause::kInvalidOutput);
    }
    Pump();
    return;
  }
  const std::uint32_t attempts = scheduler_.AttemptsOf(item);
  const auto fate = scheduler_.WorkerAnswered(slot, generation, item, Now());
  if (fate != Scheduler::AnswerFate::kProtocol) running_.erase(slot);
  last_progress_ = Now();
  last_answers_[slot_servables_.at(slot)] = Now();
  ++services_[slot].answered;
  if (fate == Scheduler::AnswerFate::kDeliver) Deliver(item, std::move(*answer), attempts);
  Pump();
}

// Whether the answer can be believed. A client's NaN is not the worker's: the answer is then made
// one that says so, or clients could have workers recycled.
Status InferenceService::Judge(SlotId slot, ItemId item, Result<WorkerAnswer>& answer) const {
  if (!answer) return Status(Error(answer.error()));
  Status valid = CheckAnswer(servables_.Get(slot_servables_.at(slot)), item, *answer);
  const auto place = places_.find(item);
  if (valid && place != places_.end()) {
    const auto expected = ItemAt(place->second).expected_class;
    if (expected.has_value()) return CheckGolden(*answer, *expected);
  }
  const auto running = running_.find(slot);
  const bool excused = !valid && answer->item == item && running != running_.end() &&
                       running->second.item == item && !running->second.finite;
  if (!excused) return valid;
  *answer = {.item = item,
             .reason = Reason::kBadRequest,
             .detail = "the input is not finite, and so the answer is not",
             .scores = {}};
  return {};
}

// Numbers that a client chose can take a sound model beyond its range; those of a picture cannot.
bool InferenceService::MayBeTheItems(SlotId slot, ItemId item,
                                     const Result<WorkerAnswer>& answer) const {
  const auto running = running_.find(slot);
  return running != running_.end() && running->second.item == item &&
         running->second.kind == ItemKind::kTensor && answer &&
         CheckForm(servables_.Get(slot_servables_.at(slot)), item, *answer);
}

void InferenceService::Deliver(ItemId item, WorkerAnswer answer, std::uint32_t attempts) {
  const auto place = places_.find(item);
  CHECK(place != places_.end());
  const ServableId servable = calls_.at(place->second.call).call.servable;
  if (!ItemAt(place->second).expected_class.has_value()) {
    const Duration queue = place->second.times.dispatched - place->second.times.queued;
    metrics_.ItemServed(servables_.Get(servable).key, queue, answer.preprocess_us, answer.infer_us);
    InferenceStatistics& statistics = statistics_[servable];
    statistics.queue.Add(queue);
    if (answer.reason == Reason::kOk) {
      statistics.preprocess.Add(std::chrono::microseconds(answer.preprocess_us));
      statistics.infer.Add(std::chrono::microseconds(answer.infer_us));
    }
  }
  place->second.times.preprocess_us = answer.preprocess_us;
  place->second.times.infer_us = answer.infer_us;
  Finish(item, {.reason = answer.reason,
                .detail = std::move(answer.detail),
                .scores = std::move(answer.scores),
                .attempts = attempts});
}

void InferenceService::OnLost(SlotId slot, Generation generation, bool begun) {
  NoteSleep(Now());
  RememberBoard(slot, generation);
  // Until now there was one, if it had come as far as that.
  if (ready_slots_.erase(slot) > 0) {
    last_ready_[slot_servables_.at(slot)] = Now();
    lost_at_[slot] = Now();
  }
  running_.erase(slot);
  pids_.erase(slot);
  garbled_.erase(slot);
  scheduler_.WorkerLost(slot, generation, begun, Now());
  Pump();
}

// --- Decisions ---

void InferenceService::Pump() {
  if (pumping_) return;  // The round that runs will see what has changed.
  pumping_ = true;
  const TimePoint now = Now();
  NoteSleep(now);
  // A verdict on a hang may be due: the answer may be in the channel already.
  if (now >= expected_wake_) pool_.ReadAll();
  for (auto decisions = scheduler_.Decide(Now()); !decisions.empty();
       decisions = scheduler_.Decide(Now())) {
    for (const Decision& decision : decisions) Carry(decision);
  }
  for (const auto& [slot, running] : running_) last_ready_[slot_servables_.at(slot)] = now;
  busy_.Set(running_.size(), now);
  in_place_.Set(ready_slots_.size(), now);
  pumping_ = false;
  ArmTimer();
}

void InferenceService::Carry(const Decision& decision) {
  struct Visitor {
    InferenceService& self;
    void operator()(const Dispatch& dispatch) const {
      const auto place = self.places_.find(dispatch.item);
      CHECK(place != self.places_.end());
      place->second.times.dispatched = Now();
      const InferenceItem& item = self.ItemAt(place->second);
      if (self.running_.empty()) self.last_progress_ = Now();
      self.last_asked_ = self.slot_servables_.at(dispatch.slot);
      self.running_[dispatch.slot] = {dispatch.item, item.kind, IsFinite(item)};
      self.pool_.Send(dispatch.slot, dispatch.item, item.kind, item.bytes.view());
    }
    void operator()(const struct Refuse& refusal) const { self.Refuse(refusal); }
    void operator()(const Rescued& rescued) const {
      self.metrics_.ItemRescued();
      if (const auto place = self.places_.find(rescued.item); place != self.places_.end()) {
        ItemTimes& times = place->second.times;
        times.lost.push_back({times.dispatched, Now()});
      }
      self.log_.Info("item-rescued",
                     {{"item", rescued.item.value}, {"from_slot", rescued.from.value}});
    }
    void operator()(const Recycle& recycle) const {
      self.tell_({.kind = MessageKind::kRecycle,
                  .slot = recycle.slot,
                  .generation = recycle.generation,
                  .code = static_cast<std::uint32_t>(recycle.cause)});
      const bool begun = self.pool_.Has(recycle.slot) && self.pool_.Drop(recycle.slot);
      self.OnLost(recycle.slot, recycle.generation, begun);
    }
  };
  std::visit(Visitor{*this}, decision);
}

void InferenceService::Refuse(const struct Refuse& refusal) {
  const auto place = places_.find(refusal.item);
  CHECK(place != places_.end());
  const bool is_request = calls_.at(place->second.call).call.purpose == Purpose::kRequest;
  if (refusal.reason == Reason::kRequestCrashedWorker && is_request) {
    const std::string digest = DigestOf(place->second);
    const ServableId servable = calls_.at(place->second.call).call.servable;
    quarantine_.Add(servables_.Get(servable).key.name, digest, Now());
    metrics_.Quarantined();
    if (const Status kept = poison_.Keep(digest, ItemAt(place->second).bytes.view()); !kept) {
      log_.Warning("poison-not-kept", {{"digest", digest}, {"error", kept.error().message}});
    }
  }
  Finish(refusal.item, {.reason = refusal.reason,
                        .detail = WordsFor(refusal.reason),
                        .retry_after = RetryHint(refusal.reason, Duration::zero()),
                        .attempts = refusal.attempts});
}

void InferenceService::Finish(ItemId item, ItemOutcome outcome) {
  const auto place = places_.extract(item);
  CHECK(!place.empty());
  const auto call = calls_.find(place.mapped().call);
  CHECK(call != calls_.end());
  const bool is_request = call->second.call.purpose == Purpose::kRequest;
  if (outcome.reason != Reason::kOk && is_request) metrics_.Refused(outcome.reason);
  outcome.times = std::move(place.mapped().times);
  outcome.times.ended = Now();
  call->second.outcomes.at(place.mapped().index) = std::move(outcome);
  if (--call->second.open > 0) return;
  auto finished = calls_.extract(call);
  CountCall(finished.mapped());
  finished.mapped().call.done(std::move(finished.mapped().outcomes));
}

void InferenceService::ArmTimer() {
  TimePoint wake = scheduler_.NextWake();
  if (!running_.empty()) wake = std::min(wake, Now() + kPulse);
  expected_wake_ = wake;
  if (wake == kNever) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(wake);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) Pump();
  });
}

// Whoever slept must not judge: a frozen host looks like workers that hang.
void InferenceService::NoteSleep(TimePoint now) {
  if (expected_wake_ == kNever || now - expected_wake_ < kLateness) return;
  scheduler_.HostSlept(now - expected_wake_);
  last_progress_ += now - expected_wake_;
  expected_wake_ = now;  // Given back once.
  metrics_.HostSlept();
}

// --- State: the rest is in inference_state.cc ---

// One to three seconds with jitter, so that refused clients do not come back together; longer when
// the backlog is, and five where workers must come back first.
Duration InferenceService::RetryHint(Reason reason, Duration backlog) {
  if (Describe(reason).retry != Retry::kAfterHint) return Duration::zero();
  if (reason == Reason::kNoWorker || reason == Reason::kNotReady) return std::chrono::seconds(5);
  const std::chrono::milliseconds jitter(std::uniform_int_distribution<int>(1'000, 3'000)(random_));
  return std::min<Duration>(jitter + backlog, std::chrono::seconds(30));
}

void InferenceService::RememberBoard(SlotId slot, Generation generation) {
  const auto running = running_.find(slot);
  if (running == running_.end() || lost_boards_.size() >= kBoardsMax) return;
  const auto place = places_.find(running->second.item);
  if (place == places_.end()) return;  // Its client went away.
  lost_boards_[{slot, generation}] = {calls_.at(place->second.call).call.request_id,
                                      DigestOf(place->second)};
}

std::string InferenceService::DigestOf(const ItemPlace& place) const {
  return Sha256(ItemAt(place).bytes.view());
}

const InferenceItem& InferenceService::ItemAt(const ItemPlace& place) const {
  return calls_.at(place.call).call.items.at(place.index);
}

std::string InferenceService::ModelName(ServableId servable) const {
  return servables_.Has(servable) ? FormatKey(servables_.Get(servable).key) : "";
}

}  // namespace holdfast
