// SPDX-License-Identifier: Apache-2.0
#include "gateway/golden_probe.h"

#include <algorithm>

namespace holdfast {
namespace {

constexpr int kFailuresMax = 2;
constexpr auto kTimeMin = std::chrono::seconds(10);
constexpr int kServiceTimes = 40;

// Whether the outcome tells something of the workers: one that was never begun does not.
bool Tells(const ItemOutcome& outcome) {
  return outcome.reason == Reason::kOk || outcome.reason == Reason::kOutputInvalid ||
         outcome.reason == Reason::kRequestCrashedWorker;
}

}  // namespace

void GoldenProbe::Check(TimePoint now) {
  if (interval_ <= Duration::zero()) return;
  for (const ServableId id : servables_.ids()) {
    Record& record = records_.try_emplace(id, Record{.due = now + interval_}).first->second;
    // A worker that alone has tensors to do is otherwise not seen to be at fault.
    if (inference_.TakeDoubt(id)) record.doubted = true;
    const TimePoint answered = inference_.last_answer(id);
    // What clients were answered is as good as a probe.
    if (record.failures == 0 && answered != TimePoint::min()) {
      record.due = std::max(record.due, answered + interval_);
    }
    const bool can = !record.under_way && inference_.idle(id) && inference_.ready_workers(id) > 0;
    const bool should = now >= record.due || record.doubted;
    if (should && can && !servables_.Get(id).golden_photo.empty()) Send(id, record, now);
  }
}

void GoldenProbe::Send(ServableId servable, Record& record, TimePoint now) {
  const ServableDescription& description = servables_.Get(servable);
  record.under_way = true;
  record.doubted = false;
  record.due = now + interval_;
  InferenceService::Call call{
      .servable = servable,
      .items = {},
      .deadline = now + std::max<Duration>(kTimeMin, kServiceTimes * description.service),
      .request_id = "golden",
      .done = [this, servable](const std::vector<ItemOutcome>& outcomes) {
        Finish(servable, outcomes);
      }};
  // One for each: idle workers take one each.
  for (std::size_t i = 0; i < inference_.ready_workers(servable); ++i) {
    call.items.push_back({.kind = ItemKind::kEncodedImage,
                          .bytes = ItemBytes::Borrow(description.golden_photo),
                          .expected_class = description.golden_class});
  }
  inference_.Submit(std::move(call));
}

void GoldenProbe::Finish(ServableId servable, const std::vector<ItemOutcome>& outcomes) {
  Record& record = records_.at(servable);
  record.under_way = false;
  const std::string model = FormatKey(servables_.Get(servable).key);
  const auto failed = std::find_if(outcomes.begin(), outcomes.end(), [](const ItemOutcome& one) {
    return Tells(one) && one.reason != Reason::kOk;
  });
  if (failed == outcomes.end()) {
    const bool any = std::any_of(outcomes.begin(), outcomes.end(), Tells);
    if (!any) return;
    record.failures = 0;
    inference_.SetSuspect(servable, false);
    return;
  }
  metrics_.GoldenFailed(model);
  ++record.failures;
  log_.Error("golden-failed", {{"model", model},
                               {"reason", Describe(failed->reason).word},
                               {"why", failed->detail},
                               {"in_a_row", record.failures}});
  if (record.failures >= kFailuresMax) inference_.SetSuspect(servable, true);
}

}  // namespace holdfast
