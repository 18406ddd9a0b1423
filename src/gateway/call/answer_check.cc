// SPDX-License-Identifier: Apache-2.0
#include "gateway/call/answer_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace holdfast {
namespace {

constexpr float kSumTolerance = 1e-3f;

// The reasons that a worker may give for not classifying an item.
bool IsWorkersToGive(Reason reason) {
  switch (reason) {
    case Reason::kOk:
    case Reason::kBadRequest:
    case Reason::kUnsupportedMedia:
    case Reason::kImageDecodeFailed:
    case Reason::kImageTooLarge:
    case Reason::kInternal:
      return true;
    default:
      return false;
  }
}

Error Invalid(std::string what) { return {Reason::kOutputInvalid, std::move(what)}; }

}  // namespace

Status CheckForm(const ServableDescription& servable, ItemId item, const WorkerAnswer& answer) {
  if (answer.item != item) return Invalid("an answer to another item");
  if (!IsWorkersToGive(answer.reason)) return Invalid("a reason that no worker gives");
  if (answer.reason != Reason::kOk) return {};
  if (answer.scores.size() != ElementCount(ItemShape(servable.signature.output)).value_or(0)) {
    return Invalid("scores of another number than the classes");
  }
  return {};
}

Status CheckScores(const ServableDescription& servable, const WorkerAnswer& answer) {
  if (answer.reason != Reason::kOk) return {};
  const auto& scores = answer.scores;
  if (!std::all_of(scores.begin(), scores.end(), [](float s) { return std::isfinite(s); })) {
    return Invalid("scores that are not finite");
  }
  if (scores.size() > 1 &&
      std::all_of(scores.begin(), scores.end(), [&](float s) { return s == scores.front(); })) {
    return Invalid("scores that are all the same");
  }
  if (servable.output == OutputKind::kProbabilities) {
    const float sum = std::accumulate(scores.begin(), scores.end(), 0.0f);
    const bool in_range =
        std::all_of(scores.begin(), scores.end(), [](float s) { return s >= 0 && s <= 1; });
    if (!in_range || std::fabs(sum - 1.0f) > kSumTolerance) {
      return Invalid("probabilities that do not sum to one");
    }
  }
  return {};
}

Status CheckAnswer(const ServableDescription& servable, ItemId item, const WorkerAnswer& answer) {
  TRY_DO(CheckForm(servable, item, answer));
  return CheckScores(servable, answer);
}

Status CheckGolden(const WorkerAnswer& answer, std::uint32_t expected) {
  if (answer.reason != Reason::kOk) {
    return Error{Reason::kOutputInvalid, "the golden example was refused: " + answer.detail};
  }
  const auto best = std::max_element(answer.scores.begin(), answer.scores.end());
  const auto found = static_cast<std::uint32_t>(best - answer.scores.begin());
  if (found == expected) return {};
  return Error{
      Reason::kOutputInvalid,
      fmt::format("the golden example is of class {}, the answer says {}", expected, found)};
}

}  // namespace holdfast
