// SPDX-License-Identifier: Apache-2.0
#include "gateway/call/answer_check.h"

#include <gtest/gtest.h>

#include <limits>

namespace holdfast {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

ServableDescription Servable(OutputKind output, std::int64_t classes = 3) {
  ServableDescription servable;
  servable.signature.output = {"y", DType::kFloat32, {kAnyDim, classes}};
  servable.output = output;
  return servable;
}

WorkerAnswer Answer(std::vector<float> scores) {
  return {.item = {7}, .reason = Reason::kOk, .detail = "", .scores = std::move(scores)};
}

struct Case {
  const char* what;
  std::vector<float> scores;
  bool valid;
};

void ExpectEach(const ServableDescription& servable, const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    const Status status = CheckAnswer(servable, {7}, Answer(each.scores));
    EXPECT_EQ(status.has_value(), each.valid) << each.what;
    if (!status) {
      EXPECT_EQ(status.error().reason, Reason::kOutputInvalid) << each.what;
    }
  }
}

TEST(CheckAnswer, OfLogits) {
  ExpectEach(Servable(OutputKind::kLogits), {{"plain", {1, -2, 300}, true},
                                             {"two of three alike", {1, 1, 2}, true},
                                             {"not a number", {1, kNan, 2}, false},
                                             {"infinite", {1, kInfinity, 2}, false},
                                             {"infinite below", {1, -kInfinity, 2}, false},
                                             {"all zero", {0, 0, 0}, false},
                                             {"all the same", {4, 4, 4}, false},
                                             {"one too few", {1, 2}, false},
                                             {"one too many", {1, 2, 3, 4}, false},
                                             {"none", {}, false}});
}

TEST(CheckAnswer, OfProbabilities) {
  ExpectEach(Servable(OutputKind::kProbabilities),
             {{"sum to one", {0.2f, 0.3f, 0.5f}, true},
              {"certain", {0, 1, 0}, true},
              {"sum to one within rounding", {0.2f, 0.3f, 0.5005f}, true},
              {"sum to more", {0.2f, 0.4f, 0.5f}, false},
              {"sum to less", {0.1f, 0.2f, 0.3f}, false},
              {"one below zero", {-0.1f, 0.6f, 0.5f}, false},
              {"one above one", {1.2f, -0.2f, 0}, false},
              {"not a number", {kNan, 0.5f, 0.5f}, false}});
}

TEST(CheckAnswer, OfAThousandProbabilities) {
  std::vector<float> scores(1000, 0.0009f);
  scores[3] = 0.1009f;
  EXPECT_TRUE(CheckAnswer(Servable(OutputKind::kProbabilities, 1000), {7}, Answer(scores)));
}

TEST(CheckAnswer, OfASingleClassMayBeTheSame) {
  EXPECT_TRUE(CheckAnswer(Servable(OutputKind::kLogits, 1), {7}, Answer({3})));
}

TEST(CheckAnswer, RefusesAnAnswerToAnotherItem) {
  EXPECT_FALSE(CheckAnswer(Servable(OutputKind::kLogits), {8}, Answer({1, 2, 3})));
}

TEST(CheckAnswer, TakesOnlyTheReasonsThatAWorkerMayGive) {
  for (std::uint32_t number = 1; ReasonFromNumber(number).has_value(); ++number) {
    WorkerAnswer answer = Answer({});
    answer.reason = *ReasonFromNumber(number);
    const bool may = answer.reason == Reason::kBadRequest ||
                     answer.reason == Reason::kUnsupportedMedia ||
                     answer.reason == Reason::kImageDecodeFailed ||
                     answer.reason == Reason::kImageTooLarge || answer.reason == Reason::kInternal;
    EXPECT_EQ(CheckAnswer(Servable(OutputKind::kLogits), {7}, answer).has_value(), may)
        << Describe(answer.reason).word;
  }
}

}  // namespace
}  // namespace holdfast
