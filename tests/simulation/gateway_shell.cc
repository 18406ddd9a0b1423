// SPDX-License-Identifier: Apache-2.0
#include "simulation/gateway_shell.h"

#include <algorithm>

namespace holdfast::simulation {
namespace {

constexpr Duration kTick{1};

void ForgetOlder(std::deque<TimePoint>& times, TimePoint now, Duration window) {
  while (!times.empty() && now - times.front() >= window) times.pop_front();
}

}  // namespace

GatewayShell::GatewayShell(Agenda& agenda, Random& random, Findings& findings, Machine& machine,
                           Ledger& ledger, const Scheduler::Options& options, Habits habits)
    : agenda_(agenda),
      random_(random),
      findings_(findings),
      machine_(machine),
      ledger_(ledger),
      options_(options),
      habits_(habits),
      scheduler_(options) {}

void GatewayShell::AddServable(ServableId servable, Duration service) {
  scheduler_.AddServable(servable, service);
}

// --- Clients ---

void GatewayShell::Offer(const std::vector<ItemId>& request) {
  BeforeEvent();
  const ItemTruth first = ledger_[request.front()];
  const TimePoint now = agenda_.now();
  std::size_t bytes = 0;
  for (const ItemId item : request) bytes += ledger_[item].bytes;
  const auto admission =
      scheduler_.Admit(first.servable, request.size(), bytes, first.deadline, now);
  findings_.Require(admission.retry_after >= Duration::zero(), "a negative retry_after");
  findings_.Require((admission.reason == Reason::kNoWorker) == failed_.contains(first.servable),
                    "item {}: admission says {}", request.front().value,
                    Describe(admission.reason).word);
  const bool enough = scheduler_.items() + request.size() <= options_.items_max &&
                      scheduler_.bytes() + bytes <= options_.bytes_max;
  findings_.Require(enough || admission.reason != Reason::kOk, "more is let in than the bounds");
  for (const ItemId item : request) {
    const ItemTruth& truth = ledger_[item];
    if (admission.reason != Reason::kOk) {
      ledger_.Shed(item);
      continue;
    }
    const auto entry = scheduler_.Enqueue({item, truth.servable, truth.deadline, truth.bytes}, now);
    if (entry.reason != Reason::kOk) {
      findings_.Require(false, "item {} is let in, then is not", item.value);
      ledger_.Shed(item);
      continue;
    }
    ledger_.Admit(item);
    items_.push_back(now);
    findings_.Tell("item {} admitted", item.value);
  }
  AfterEvent();
}

void GatewayShell::ClientLeft(ItemId item) {
  if (dead_) return;
  BeforeEvent();
  if (ledger_[item].fate == Fate::kAdmitted) {
    findings_.Tell("item {}: its client leaves", item.value);
    ledger_.Finish(item, Fate::kCancelled);
  }
  scheduler_.Cancel(item);
  AfterEvent();
}

// --- Supervisor ---

void GatewayShell::TakeWorker(const WorkerRef& worker) {
  if (dead_) return;
  BeforeEvent();
  findings_.Tell("worker {}/{} is given to the gateway", worker->slot.value,
                 worker->generation.value);
  if (const auto old = lines_.find(worker->slot); old != lines_.end()) {
    findings_.Require(old->second.worker->generation < worker->generation,
                      "slot {}: generations go back", worker->slot.value);
    if (habits_.reads_the_replaced) Lose(worker->slot, std::nullopt);
  }
  scheduler_.WorkerStarting(worker->slot, worker->generation, worker->servable, agenda_.now());
  lines_[worker->slot] = Line{.worker = worker};
  AfterEvent();
  machine_.GiveChannel(worker);
}

void GatewayShell::TakeVerdict(SlotId slot, Generation generation, DeathCause cause) {
  if (dead_) return;
  BeforeEvent();
  if (const auto line = lines_.find(slot);
      line != lines_.end() && line->second.worker->generation == generation) {
    line->second.known_dead = true;
  }
  scheduler_.Verdict(slot, generation, cause, agenda_.now());
  AfterEvent();
}

void GatewayShell::SetFailed(ServableId servable, bool failed) {
  if (dead_) return;
  BeforeEvent();
  if (failed) {
    failed_.insert(servable);
  } else {
    failed_.erase(servable);
  }
  scheduler_.SetFailed(servable, failed);
  AfterEvent();
}

// --- Channels ---

void GatewayShell::TakeNews(const WorkerRef& worker, News news, ItemId item) {
  if (dead_) return;
  BeforeEvent();
  const SlotId slot = worker->slot;
  const Generation generation = worker->generation;
  Line* line = Find(worker);
  switch (news) {
    case News::kReady:
      scheduler_.WorkerReady(slot, generation, agenda_.now());
      if (line == nullptr) break;
      line->ready = true;
      tell_ready(slot, generation);
      break;
    case News::kGarbage:
      if (line != nullptr && line->item == item) {
        line->gave_garbage = true;
        scheduler_.Condemn(slot, generation, DeathCause::kInvalidOutput);
        break;
      }
      [[fallthrough]];
    case News::kAnswer:
      if (line != nullptr) {
        TakeAnswer(*line, slot, generation, item);
      } else {
        findings_.Require(scheduler_.WorkerAnswered(slot, generation, item, agenda_.now()) ==
                              Scheduler::AnswerFate::kDiscard,
                          "an answer of a worker that is gone counts");
      }
      break;
    case News::kDoubtful:
      if (line != nullptr) {
        TakeDoubtful(*line, slot, generation, item);
      } else {
        scheduler_.WorkerDoubted(slot, generation, item, agenda_.now());
      }
      break;
    case News::kEndOfFile:
      if (line != nullptr) {
        Lose(slot, std::nullopt);
      } else {
        scheduler_.WorkerLost(slot, generation, true, agenda_.now());
      }
      break;
  }
  AfterEvent();
}

void GatewayShell::TakeDoubtful(Line& line, SlotId slot, Generation generation, ItemId item) {
  scheduler_.WorkerDoubted(slot, generation, item, agenda_.now());
  if (line.item != item) return;  // That breaks the protocol; a Recycle follows.
  findings_.Tell("item {}: its answer is doubtful", item.value);
  ++ledger_[item].doubts;
  line.item.reset();
}

void GatewayShell::TakeAnswer(Line& line, SlotId slot, Generation generation, ItemId item) {
  using AnswerFate = Scheduler::AnswerFate;
  const bool expected = line.item == item;
  const bool wanted = expected && ledger_[item].fate == Fate::kAdmitted;
  const AnswerFate fate = scheduler_.WorkerAnswered(slot, generation, item, agenda_.now());
  const AnswerFate right = !expected ? AnswerFate::kProtocol
                           : wanted  ? AnswerFate::kDeliver
                                     : AnswerFate::kDiscard;
  findings_.Require(fate == right, "item {}: its answer's fate is {}, not {}", item.value,
                    static_cast<int>(fate), static_cast<int>(right));
  if (!expected) return;
  line.item.reset();
  if (!wanted) return;
  findings_.Tell("item {} answered", item.value);
  findings_.Require(agenda_.now() <= ledger_[item].deadline, "item {} answered late", item.value);
  ledger_.Finish(item, Fate::kAnswered);
}

void GatewayShell::Wake(Duration late) {
  woke_ = agenda_.now();
  woke_late_ = late;
  timer_ = TimePoint::min();  // It slept too, and would come late by as much.
  scheduler_.HostSlept(late);
  AfterEvent();
}

// --- Decisions ---

void GatewayShell::BeforeEvent() {
  if (!random_.Chance(habits_.needless_decide) || scheduler_.NextWake() <= agenda_.now()) return;
  findings_.Require(scheduler_.Decide(agenda_.now()).empty(),
                    "NextWake() lied: Decide() had something to say before it");
}

void GatewayShell::AfterEvent() {
  constexpr int kRoundsMax = 4;  // Recycle; what it frees, dispatched; nothing.
  for (int round = 0;; ++round) {
    ++decide_calls_;
    const std::vector<Decision> decisions = scheduler_.Decide(agenda_.now());
    if (decisions.empty()) break;
    for (const Decision& decision : decisions) Carry(decision);
    if (round < kRoundsMax) continue;
    findings_.Require(false, "Decide() does not come to an end");
    break;
  }
  findings_.Require(scheduler_.NextWake() > agenda_.now(), "NextWake() is not in the future");
  CheckBounds();
  ArmTimer();
}

void GatewayShell::ArmTimer() {
  if (scheduler_.NextWake() == timer_) return;
  timer_ = scheduler_.NextWake();
  const std::uint64_t version = ++timer_version_;
  if (timer_ == kNever) return;
  agenda_.At(timer_, [self = shared_from_this(), version] {
    if (self->dead_ || version != self->timer_version_) return;
    self->timer_ = kNever;
    self->AfterEvent();
  });
}

void GatewayShell::Carry(const Decision& decision) {
  if (const auto* dispatch = std::get_if<Dispatch>(&decision)) Send(*dispatch);
  if (const auto* refuse = std::get_if<Refuse>(&decision)) Answer(*refuse);
  if (const auto* rescued = std::get_if<Rescued>(&decision)) Count(*rescued);
  if (const auto* recycle = std::get_if<Recycle>(&decision)) End(*recycle);
}

void GatewayShell::Send(const Dispatch& dispatch) {
  ItemTruth& truth = ledger_[dispatch.item];
  const auto entry = lines_.find(dispatch.slot);
  const bool known =
      entry != lines_.end() && entry->second.worker->generation == dispatch.generation;
  findings_.Require(known, "item {} goes to an unknown worker", dispatch.item.value);
  if (!known) return;
  Line& line = entry->second;
  findings_.Tell("item {} to worker {}/{}", dispatch.item.value, dispatch.slot.value,
                 dispatch.generation.value);
  findings_.Require(truth.fate == Fate::kAdmitted, "item {} is finished", dispatch.item.value);
  findings_.Require(agenda_.now() < truth.deadline, "item {} is late", dispatch.item.value);
  ++truth.dispatches;
  findings_.Require(truth.dispatches <= options_.dispatches_max, "item {}: dispatch {}",
                    dispatch.item.value, truth.dispatches);
  findings_.Require(dispatch.attempt >= 1 && dispatch.attempt <= truth.dispatches,
                    "item {}: attempt {} of {} dispatches", dispatch.item.value, dispatch.attempt,
                    truth.dispatches);
  findings_.Require(truth.own_deaths - truth.unheard < options_.own_deaths_max,
                    "item {} may kill once more", dispatch.item.value);
  findings_.Require(truth.doubts < 2, "item {} is asked a third time", dispatch.item.value);
  findings_.Require(line.ready && !line.known_dead, "slot {} cannot work", dispatch.slot.value);
  findings_.Require(!failed_.contains(truth.servable), "item {} should have been refused",
                    dispatch.item.value);
  findings_.Require(!line.item.has_value(), "slot {} gets a second item", dispatch.slot.value);
  findings_.Require(line.worker->servable == truth.servable, "item {} goes to another servable",
                    dispatch.item.value);
  for (const auto& [slot, other] : lines_) {
    findings_.Require(other.item != dispatch.item, "item {} runs twice", dispatch.item.value);
  }
  line.item = dispatch.item;
  line.dispatched = agenda_.now();
  machine_.Send(line.worker, dispatch.item, truth);
}

void GatewayShell::Answer(const Refuse& refuse) {
  const ItemTruth& truth = ledger_[refuse.item];
  const TimePoint now = agenda_.now();
  findings_.Tell("item {} refused: {}", refuse.item.value, Describe(refuse.reason).word);
  const Duration allowed = now == woke_ ? woke_late_ + kTick : kTick;
  findings_.Require(now <= truth.deadline + allowed, "item {} refused {} ms after its deadline",
                    refuse.item.value, Milliseconds(now - truth.deadline));
  const auto id = refuse.item.value;
  switch (refuse.reason) {
    case Reason::kDeadlineExceeded:
      findings_.Require(now + scheduler_.ServiceMean(truth.servable) > truth.deadline,
                        "item {} called late too soon", id);
      break;
    case Reason::kRequestCrashedWorker:
      findings_.Require(truth.own_deaths >= options_.own_deaths_max,
                        "item {} blamed for {} deaths of its own", id, truth.own_deaths);
      break;
    case Reason::kOutputInvalid:
      findings_.Require(truth.garbage >= options_.own_deaths_max || truth.doubts > 0,
                        "item {} blamed for garbage", id);
      break;
    case Reason::kNoWorker:
      findings_.Require(
          failed_.contains(truth.servable) || truth.dispatches == options_.dispatches_max,
          "item {}: there are workers, and dispatches left", id);
      break;
    case Reason::kOverloaded:
      ForgetOlder(rescues_, now, options_.rescue.window);
      findings_.Require(truth.dispatches > 0 && rescues_.size() >= options_.rescue.burst,
                        "item {} is shed after it was admitted", id);
      break;
    default:
      findings_.Require(false, "item {} refused with {}", id, Describe(refuse.reason).word);
  }
  ledger_.Finish(refuse.item, Fate::kRefused);
}

void GatewayShell::Count(const Rescued& rescued) {
  const TimePoint now = agenda_.now();
  ++rescue_count_;
  findings_.Tell("item {} rescued", rescued.item.value);
  ForgetOlder(items_, now, options_.rescue.window);
  rescues_.push_back(now);
  // The budget counts in buckets of a tenth of its window.
  const auto recent =
      static_cast<std::size_t>(std::count_if(rescues_.begin(), rescues_.end(), [&](TimePoint at) {
        return now - at < options_.rescue.window - options_.rescue.window / 10;
      }));
  const auto share = options_.rescue.share * static_cast<double>(items_.size());
  findings_.Require(recent <= options_.rescue.burst + static_cast<std::size_t>(share),
                    "{} rescues in nine seconds", recent);
}

void GatewayShell::End(const Recycle& recycle) {
  const auto entry = lines_.find(recycle.slot);
  const bool known =
      entry != lines_.end() && entry->second.worker->generation == recycle.generation;
  findings_.Require(known, "slot {}: an unknown worker is recycled", recycle.slot.value);
  if (!known) return;
  const Worker& worker = *entry->second.worker;
  findings_.Tell("worker {}/{} is recycled: {}", recycle.slot.value, recycle.generation.value,
                 DeathCauseWord(recycle.cause));
  if (recycle.cause == DeathCause::kHung) {
    findings_.Require(worker.stuck || !worker.alive(), "a healthy worker is called hung");
    findings_.Require(!entry->second.known_dead, "a worker known to be dead is called hung");
    findings_.Require(agenda_.now() >= entry->second.dispatched + options_.hang_floor,
                      "a worker is called hung too soon");
  }
  if (recycle.cause == DeathCause::kInvalidOutput) {
    findings_.Require(worker.lied || entry->second.gave_garbage,
                      "an item's own numbers cost a worker its life");
  }
  ask_recycle(recycle.slot, recycle.generation, recycle.cause);
  Lose(recycle.slot, recycle.cause);
}

void GatewayShell::Lose(SlotId slot, std::optional<DeathCause> our_reason) {
  const Line line = lines_.at(slot);
  const bool begun = line.item.has_value() && line.worker->begun == line.item;
  if (begun) {
    ItemTruth& truth = ledger_[*line.item];
    const DeathCause cause = our_reason.value_or(line.worker->cause);
    const bool own = IsItemsOwn(cause);
    truth.own_deaths += own ? 1 : 0;
    truth.garbage += cause == DeathCause::kInvalidOutput ? 1 : 0;
    truth.unheard += own && line.worker->unexplained && !our_reason.has_value() ? 1 : 0;
  }
  lines_.erase(slot);
  scheduler_.WorkerLost(slot, line.worker->generation, begun, agenda_.now());
}

GatewayShell::Line* GatewayShell::Find(const WorkerRef& worker) {
  const auto entry = lines_.find(worker->slot);
  if (entry == lines_.end() || entry->second.worker != worker) return nullptr;
  return &entry->second;
}

void GatewayShell::CheckBounds() {
  std::size_t left = 0;
  std::size_t left_bytes = 0;
  std::size_t busy = 0;
  for (const auto& [slot, line] : lines_) {
    if (!line.item.has_value()) continue;
    ++busy;
    if (ledger_[*line.item].fate == Fate::kAdmitted) continue;
    ++left;  // Nobody waits for it; its worker is still at it.
    left_bytes += ledger_[*line.item].bytes;
  }
  findings_.Require(scheduler_.items() == ledger_.live() + left, "{} items of {} + {}",
                    scheduler_.items(), ledger_.live(), left);
  findings_.Require(scheduler_.bytes() == ledger_.live_bytes() + left_bytes, "bytes do not add up");
  findings_.Require(scheduler_.items() <= options_.items_max, "too many items");
  findings_.Require(scheduler_.bytes() <= options_.bytes_max, "too many bytes");
  findings_.Require(scheduler_.running() == busy, "{} run, not {}", scheduler_.running(), busy);
}

void GatewayShell::RequireEmpty() {
  findings_.Require(scheduler_.items() == 0 && scheduler_.bytes() == 0 &&
                        scheduler_.queued() == 0 && scheduler_.running() == 0,
                    "after the drain: {} items, {} bytes, {} queued, {} running",
                    scheduler_.items(), scheduler_.bytes(), scheduler_.queued(),
                    scheduler_.running());
}

}  // namespace holdfast::simulation
