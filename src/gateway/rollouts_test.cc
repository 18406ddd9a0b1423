// SPDX-License-Identifier: Apache-2.0
#include "gateway/rollouts.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "testing/inference_fixture.h"

namespace holdfast {
namespace {

using std::chrono::seconds;

// tiny/1 is current and has a worker in slot 0; tiny/2 is on trial and has one in slot 1.
class RolloutsTest : public InferenceFixture {
 protected:
  static constexpr ServableId kNew{1};

  // `new_worker`: whether the version on trial can answer.
  void Try(RolloutRule rule, bool new_worker = true) {
    Announce();
    ServableDescription description = Tiny();
    description.key.version = 2;
    service_->AddServable(kNew, description);
    List(rule);
    current_ = ReadyWorker(0);
    if (new_worker) new_ = ReadyNewWorker();
  }
  void List(std::optional<RolloutRule> rule) {
    ServableList list;
    for (const std::int64_t version : {1, 2}) {
      list.servables.push_back(
          {ServableId{static_cast<std::uint32_t>(version - 1)},
           {.key = {"tiny", version}, .state = ServableState::kAvailable, .message = ""}});
    }
    if (rule.has_value()) list.rollouts["tiny"] = {.version = 2, .rule = *rule};
    servables_.Update(list);
    rollouts_.Follow(now_);
  }
  std::unique_ptr<FakeWorker> ReadyNewWorker(std::uint32_t generation = 1) {
    auto ends = MessageSocketPair();
    const auto memory = Arena::Make(kArenaBytes);
    auto worker =
        std::make_unique<FakeWorker>(SlotId{1}, Generation{generation}, std::move(ends->second),
                                     std::move(*Arena::Map(memory->get())));
    service_->AddWorker({1}, {generation}, kNew, std::move(ends->first),
                        UniqueFd(::fcntl(memory->get(), F_DUPFD_CLOEXEC, 0)));
    worker->SayReady();
    Turn();
    return worker;
  }

  struct Asked {
    CallId id = 0;
    int times = 0;
    Rollouts::Answer answer;
    Reason reason() const { return answer.outcomes.at(0).reason; }
  };
  std::shared_ptr<Asked> Ask(const std::string& header = "", bool any_version = true) {
    auto asked = std::make_shared<Asked>();
    Rollouts::Call call{.servable = kServable,
                        .any_version = any_version,
                        .header = header,
                        .items = {},
                        .deadline = Now() + time_limit_,
                        .request_id = "request-" + std::to_string(++requests_),
                        .done = [asked](Rollouts::Answer answer) {
                          asked->answer = std::move(answer);
                          ++asked->times;
                        }};
    call.items.push_back(Image("photo"));
    asked->id = rollouts_.Submit(std::move(call));
    Turn();
    return asked;
  }
  // Whether the worker had an item, which it has answered with `scores` then.
  bool Answers(FakeWorker& worker, const std::vector<float>& scores) {
    const auto item = worker.Take();
    if (!item.has_value()) return false;
    worker.Answer(*item, scores);
    Turn();
    return true;
  }
  // The new version's worker crashes on what it has; another one takes its place.
  void Crash() {
    ASSERT_TRUE(new_->Take().has_value());
    new_->Die();
    Turn();
    service_->WorkerDied({1}, {generation_}, kNew, DeathCause::kSignalled, {.pid = 1});
    Turn();
    new_ = ReadyNewWorker(++generation_);
  }

  std::unique_ptr<FakeWorker> current_;
  std::unique_ptr<FakeWorker> new_;
  std::uint32_t generation_ = 1;
  int requests_ = 0;
  TimePoint now_ = Now();
  std::vector<std::pair<ModelOrder, RolloutEndOrder>> verdicts_;
  Rollouts rollouts_{*service_, servables_, metrics_, log_,
                     [this](ModelOrder order, const RolloutEndOrder& end) {
                       verdicts_.emplace_back(order, end);
                       return Status();
                     }};
  const std::vector<float> other_{9, 1, 1};
};

TEST_F(RolloutsTest, ACanaryAnswersItsShare) {
  Try({.percent = 100});
  const auto asked = Ask();
  ASSERT_TRUE(Answers(*new_, scores_));
  EXPECT_EQ(asked->times, 1);
  EXPECT_EQ(asked->answer.servable, kNew);
  EXPECT_EQ(asked->answer.outcomes.at(0).scores, scores_);
  EXPECT_TRUE(servables_.held(kNew)) << "its description is needed until the answer is written";
}

TEST_F(RolloutsTest, WithoutAShareTheCurrentVersionAnswers) {
  Try({.percent = 0});
  const auto asked = Ask();
  EXPECT_FALSE(Answers(*new_, scores_));
  ASSERT_TRUE(Answers(*current_, scores_));
  EXPECT_EQ(asked->answer.servable, kServable);
  EXPECT_EQ(rollouts_.ComparisonOf("tiny")->record(Arm::kCurrent).requests, 1u);
}

TEST_F(RolloutsTest, TheHeaderDecidesWhereItIsSent) {
  Try({.percent = 0, .header = "x-group", .header_value = "beta"});
  EXPECT_EQ(rollouts_.HeaderOf(kServable), "x-group");
  Ask("beta");
  EXPECT_TRUE(Answers(*new_, scores_));
  EXPECT_TRUE(Answers(*current_, scores_)) << "what the canary said is compared";
  List(RolloutRule{.percent = 100});
  Ask("never");
  EXPECT_FALSE(Answers(*new_, scores_));
  EXPECT_TRUE(Answers(*current_, scores_));
}

TEST_F(RolloutsTest, WhoeverNamesAVersionGetsIt) {
  Try({.percent = 100});
  const auto asked = Ask("always", false);
  ASSERT_TRUE(Answers(*current_, scores_));
  EXPECT_EQ(asked->answer.servable, kServable);
  EXPECT_EQ(rollouts_.ComparisonOf("tiny")->record(Arm::kCurrent).requests, 0u);
}

TEST_F(RolloutsTest, ACanarysCrashCostsNoClientItsAnswer) {
  Try({.percent = 100});
  const auto asked = Ask();
  Crash();
  EXPECT_EQ(asked->times, 0);
  ASSERT_TRUE(Answers(*current_, scores_));
  EXPECT_EQ(asked->times, 1);
  EXPECT_EQ(asked->reason(), Reason::kOk);
  EXPECT_EQ(asked->answer.servable, kServable);
  EXPECT_EQ(asked->answer.outcomes.at(0).attempts, 2u);
  EXPECT_EQ(rollouts_.ComparisonOf("tiny")->record(Arm::kNew).errors, 1u);
  EXPECT_TRUE(service_->quarantine().Empty(Now())) << "the image is not to blame";
  EXPECT_EQ(MetricLine("holdfast_refused_total"), "");
  EXPECT_EQ(MetricLine("holdfast_items_rescued_total"), "holdfast_items_rescued_total 0");
}

TEST_F(RolloutsTest, ACanarysInvalidOutputCostsNoClientItsAnswer) {
  Try({.percent = 100});
  const auto asked = Ask();
  ASSERT_TRUE(Answers(*new_, {NAN, NAN, NAN}));
  ASSERT_TRUE(Answers(*current_, scores_));
  EXPECT_EQ(asked->reason(), Reason::kOk);
  EXPECT_EQ(rollouts_.ComparisonOf("tiny")->record(Arm::kNew).invalid, 1u);
}

TEST_F(RolloutsTest, WhereTheCanaryHasNoWorkerTheCurrentVersionAnswersAtOnce) {
  Try({.percent = 100}, false);
  service_->ServableFailed(kNew);
  const auto asked = Ask();
  ASSERT_TRUE(Answers(*current_, scores_));
  EXPECT_EQ(asked->reason(), Reason::kOk);
}

TEST_F(RolloutsTest, WhatTheClientDidWrongIsTheCanarysAnswerToo) {
  Try({.percent = 100});
  const auto asked = Ask();
  const auto item = new_->Take();
  ASSERT_TRUE(item.has_value());
  new_->Fail(*item, Reason::kImageDecodeFailed, "it is no picture");
  Turn();
  EXPECT_EQ(asked->reason(), Reason::kImageDecodeFailed);
  EXPECT_FALSE(current_->Take().has_value());
  EXPECT_EQ(rollouts_.ComparisonOf("tiny")->record(Arm::kNew).errors, 0u);
}

TEST_F(RolloutsTest, AClientThatLeavesIsForgottenWhoeverIsAsked) {
  Try({.percent = 100});
  const auto first = Ask();
  rollouts_.Cancel(first->id);
  ASSERT_TRUE(Answers(*new_, scores_));
  EXPECT_EQ(first->times, 0);
  const auto second = Ask();
  Crash();
  rollouts_.Cancel(second->id);
  ASSERT_TRUE(Answers(*current_, scores_));
  EXPECT_EQ(second->times, 0);
  EXPECT_EQ(service_->calls(), 0u);
  EXPECT_FALSE(servables_.held(kNew));
}

TEST_F(RolloutsTest, WhatBothSayIsCompared) {
  Try({.percent = 100});
  for (const auto& [other, disagreed] :
       {std::pair(scores_, 0u), std::pair(other_, 1u), std::pair(scores_, 1u)}) {
    Ask();
    ASSERT_TRUE(Answers(*new_, scores_));
    ASSERT_TRUE(Answers(*current_, other));
    EXPECT_EQ(rollouts_.ComparisonOf("tiny")->disagreement().count, disagreed);
  }
  EXPECT_EQ(rollouts_.ComparisonOf("tiny")->disagreement().of, 3u);
  EXPECT_EQ(MetricLine("holdfast_rollout_compared_total{model=\"tiny/2\",result=\"disagree\"}"),
            "holdfast_rollout_compared_total{model=\"tiny/2\",result=\"disagree\"} 1");
}

TEST_F(RolloutsTest, AShadowIsAskedAfterwardsAndNobodySeesWhatItSays) {
  Try({.kind = RolloutKind::kShadow, .percent = 100});
  const auto asked = Ask("always");
  EXPECT_FALSE(new_->Take().has_value()) << "not before the client has its answer";
  ASSERT_TRUE(Answers(*current_, scores_));
  EXPECT_EQ(asked->times, 1);
  EXPECT_EQ(asked->answer.servable, kServable);
  ASSERT_TRUE(Answers(*new_, other_));
  EXPECT_EQ(asked->times, 1);
  EXPECT_EQ(rollouts_.ComparisonOf("tiny")->disagreement().count, 1u);
  EXPECT_EQ(rollouts_.ComparisonOf("tiny")->record(Arm::kNew).requests, 1u);
}

TEST_F(RolloutsTest, NobodyWaitsForAComparison) {
  Try({.kind = RolloutKind::kShadow, .percent = 100});
  Ask();
  const auto waiting = Ask();  // The worker has the first one; this one is queued.
  ASSERT_TRUE(Answers(*current_, scores_));
  EXPECT_FALSE(new_->Take().has_value());
  ASSERT_TRUE(Answers(*current_, scores_));
  EXPECT_EQ(waiting->reason(), Reason::kOk);
  EXPECT_TRUE(new_->Take().has_value()) << "now there is room";
}

TEST_F(RolloutsTest, AShadowsCrashIsCountedAndConcernsNobody) {
  Try({.kind = RolloutKind::kShadow, .percent = 100});
  const auto asked = Ask();
  ASSERT_TRUE(Answers(*current_, scores_));
  Crash();
  EXPECT_EQ(asked->reason(), Reason::kOk);
  EXPECT_EQ(rollouts_.ComparisonOf("tiny")->record(Arm::kNew).errors, 1u);
  EXPECT_TRUE(service_->quarantine().Empty(Now()));
  EXPECT_FALSE(current_->Take().has_value());
}

TEST_F(RolloutsTest, ACanaryThatIsWorseIsRolledBackOnceWithTheNumbers) {
  Try({.percent = 100});
  for (int i = 0; i < 20; ++i) {
    Ask();
    ASSERT_TRUE(Answers(*new_, scores_));
    ASSERT_TRUE(Answers(*current_, other_));
  }
  rollouts_.Check(now_ + seconds(1));
  rollouts_.Check(now_ + seconds(2));
  ASSERT_EQ(verdicts_.size(), 1u);
  EXPECT_EQ(verdicts_[0].first, ModelOrder::kRollBack);
  EXPECT_EQ(verdicts_[0].second.version, 2);
  EXPECT_NE(verdicts_[0].second.why.find("disagreed on 20 of 20 items"), std::string::npos);
  EXPECT_NE(logged_.find("\"disagreed\":20"), std::string::npos) << logged_;
  EXPECT_EQ(MetricLine("holdfast_rollouts_ended_total"),
            "holdfast_rollouts_ended_total{end=\"disagreement\",model=\"tiny/2\"} 1");
}

TEST_F(RolloutsTest, ACanaryWithNothingAgainstItIsPromotedAfterItsWindow) {
  Try({.percent = 100, .window = seconds(10), .requests_min = 3, .promote = true});
  for (int i = 0; i < 3; ++i) {
    Ask();
    ASSERT_TRUE(Answers(*new_, scores_));
    ASSERT_TRUE(Answers(*current_, scores_));
  }
  rollouts_.Check(now_ + seconds(9));
  EXPECT_TRUE(verdicts_.empty());
  rollouts_.Check(now_ + seconds(10));
  ASSERT_EQ(verdicts_.size(), 1u);
  EXPECT_EQ(verdicts_[0].first, ModelOrder::kPromote);
}

TEST_F(RolloutsTest, WithoutALeaveToPromoteAnotherWindowFollows) {
  Try({.percent = 100, .window = seconds(10), .requests_min = 1});
  Ask();
  ASSERT_TRUE(Answers(*new_, scores_));
  ASSERT_TRUE(Answers(*current_, scores_));
  rollouts_.Check(now_ + seconds(10));
  EXPECT_TRUE(verdicts_.empty());
  EXPECT_EQ(rollouts_.ComparisonOf("tiny")->record(Arm::kNew).requests, 0u);
  EXPECT_NE(logged_.find("\"verdict\":\"sound\""), std::string::npos);
}

TEST_F(RolloutsTest, AShadowThatIsWorseIsToldAndStays) {
  Try({.kind = RolloutKind::kShadow, .percent = 100, .window = seconds(10), .requests_min = 20});
  for (int i = 0; i < 20; ++i) {
    Ask();
    ASSERT_TRUE(Answers(*current_, scores_));
    ASSERT_TRUE(Answers(*new_, other_));
  }
  rollouts_.Check(now_ + seconds(10));
  EXPECT_TRUE(verdicts_.empty());
  EXPECT_NE(logged_.find("\"verdict\":\"worse\",\"cause\":\"disagreement\""), std::string::npos);
}

TEST_F(RolloutsTest, WhenTheTrialIsOverEverybodyGetsTheCurrentVersion) {
  Try({.percent = 100});
  const auto asked = Ask();  // Still under way when the list comes.
  List(std::nullopt);
  EXPECT_EQ(rollouts_.ComparisonOf("tiny"), nullptr);
  ASSERT_TRUE(Answers(*new_, scores_));
  EXPECT_EQ(asked->reason(), Reason::kOk);
  EXPECT_EQ(MetricLine("holdfast_rollout_share"), "holdfast_rollout_share{model=\"tiny/2\"} 0");
}

TEST_F(RolloutsTest, AVersionOnTrialDoesNotMakeTheServerUnready) {
  Try({.percent = 100}, false);
  EXPECT_TRUE(service_->healthy());
  const auto resolved = servables_.Resolve({});
  ASSERT_TRUE(resolved);
  EXPECT_EQ(*resolved, kServable);
}

}  // namespace
}  // namespace holdfast
