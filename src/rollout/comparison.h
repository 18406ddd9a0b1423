// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "model/rollout_rule.h"
#include "rollout/confidence.h"
#include "rollout/time_quantiles.h"

namespace holdfast {

// Which of two versions.
enum class Arm { kCurrent, kNew };

constexpr std::string_view ArmWord(Arm arm) { return arm == Arm::kNew ? "new" : "current"; }

// How a version's answer to a request counts.
enum class ArmOutcome {
  kAnswered,  // Also where the answer says that the client's image is none.
  kError,     // The server's: a crash, a hang, no worker.
  kInvalid,   // An output that cannot be one.
};

constexpr std::string_view ArmOutcomeWord(ArmOutcome outcome) {
  switch (outcome) {
    case ArmOutcome::kError:
      return "error";
    case ArmOutcome::kInvalid:
      return "invalid";
    case ArmOutcome::kAnswered:
      break;
  }
  return "answered";
}

// What a new version does worse than it may.
enum class RollbackCause { kErrors, kInvalidOutputs, kLatency, kDisagreement };

constexpr std::string_view RollbackCauseWord(RollbackCause cause) {
  switch (cause) {
    case RollbackCause::kErrors:
      return "errors";
    case RollbackCause::kInvalidOutputs:
      return "invalid-outputs";
    case RollbackCause::kLatency:
      return "latency";
    case RollbackCause::kDisagreement:
      break;
  }
  return "disagreement";
}

// A version on trial beside the current one, over a window: who failed how often, how long they
// took, and whether they say the same. Windows follow one another; each starts with nothing known.
// Pure: events and `now` in, a verdict out.
class Comparison {
 public:
  Comparison(RolloutRule rule, TimePoint now) : rule_(std::move(rule)), since_(now) {}

  void Count(Arm arm, ArmOutcome outcome);
  // An item's time in the worker.
  void CountTime(Arm arm, Duration time) { ArmOf(arm).times.Add(time); }
  // An item that both have answered.
  void CountPair(bool agree);

  // What the new version is to be rolled back for. It may be asked after every request: the
  // intervals are so wide that a sound version is hardly ever rolled back, see docs/decisions.
  std::optional<RollbackCause> Against() const;
  // Whether the window has lasted long enough, and holds enough to say that nothing is wrong.
  bool WindowDone(TimePoint now) const;
  void StartWindow(TimePoint now);

  struct Record {
    std::uint64_t requests = 0;
    std::uint64_t errors = 0;
    std::uint64_t invalid = 0;
    TimeQuantiles times;
  };
  const Record& record(Arm arm) const { return arm == Arm::kNew ? new_ : current_; }
  const Proportion& disagreement() const { return disagreement_; }
  const RolloutRule& rule() const { return rule_; }
  TimePoint since() const { return since_; }
  // All the numbers, in one line for people.
  std::string Words() const;

 private:
  Record& ArmOf(Arm arm) { return arm == Arm::kNew ? new_ : current_; }
  bool Slower(double quantile) const;

  RolloutRule rule_;
  TimePoint since_;
  Record current_;
  Record new_;
  Proportion disagreement_;
};

}  // namespace holdfast
