// SPDX-License-Identifier: Apache-2.0
#include "rollout/comparison.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast {
namespace {

// One normal deviate in 30,000 lies beyond four deviations. A window is looked at again after every
// request, which multiplies the chances; the limits themselves add to the distance.
constexpr double kDeviations = 4;
// Fewer requests give no verdict, whatever they came to: one crash at the start proves little.
constexpr std::uint64_t kLeastForVerdict = 10;
// So many items that both have answered show a version that disagrees on every second one.
constexpr std::uint64_t kPairsForGood = 50;

Proportion Errors(const Comparison::Record& record) { return {record.errors, record.requests}; }
Proportion Invalid(const Comparison::Record& record) { return {record.invalid, record.requests}; }

}  // namespace

void Comparison::Count(Arm arm, ArmOutcome outcome) {
  Record& record = ArmOf(arm);
  ++record.requests;
  if (outcome == ArmOutcome::kError) ++record.errors;
  if (outcome == ArmOutcome::kInvalid) ++record.invalid;
}

void Comparison::CountPair(bool agree) {
  ++disagreement_.of;
  if (!agree) ++disagreement_.count;
}

std::optional<RollbackCause> Comparison::Against() const {
  const bool comparable = std::min(new_.requests, current_.requests) >= kLeastForVerdict;
  const auto worse = [&](const auto& rate, double most) {
    return comparable && NewcombeInterval(rate(new_), rate(current_), kDeviations).low > most;
  };
  if (worse(Errors, rule_.errors_max)) return RollbackCause::kErrors;
  if (worse(Invalid, rule_.invalid_max)) return RollbackCause::kInvalidOutputs;
  if (disagreement_.of >= kLeastForVerdict &&
      WilsonInterval(disagreement_, kDeviations).low > rule_.disagreement_max) {
    return RollbackCause::kDisagreement;
  }
  // The usual time, and where there are enough of them, the times of the slow ones.
  if (Slower(0.5) || Slower(0.99)) return RollbackCause::kLatency;
  return std::nullopt;
}

bool Comparison::Slower(double quantile) const {
  if (std::min(new_.times.count(), current_.times.count()) < rule_.requests_min) return false;
  const Duration most = current_.times.High(quantile, kDeviations);
  if (most == TimeQuantiles::kUnbounded) return false;
  return Seconds(new_.times.Low(quantile, kDeviations)) > rule_.latency_max * Seconds(most);
}

bool Comparison::WindowDone(TimePoint now) const {
  const bool pairs_count = rule_.disagreement_max < 1;
  const std::uint64_t pairs = pairs_count ? std::min(kPairsForGood, rule_.requests_min) : 0;
  return now - since_ >= rule_.window && new_.requests >= rule_.requests_min &&
         disagreement_.of >= pairs;
}

void Comparison::StartWindow(TimePoint now) { *this = Comparison(std::move(rule_), now); }

std::string Comparison::Words() const {
  const auto of = [](const Record& record) {
    return fmt::format(
        "{} requests, {} errors, {} invalid outputs, {:.1f} ms median, {:.1f} ms p99",
        record.requests, record.errors, record.invalid, Milliseconds(record.times.Quantile(0.5)),
        Milliseconds(record.times.Quantile(0.99)));
  };
  return fmt::format("new: {}; current: {}; disagreed on {} of {} items", of(new_), of(current_),
                     disagreement_.count, disagreement_.of);
}

}  // namespace holdfast
