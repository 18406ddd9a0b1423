// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>

#include "gateway/inference_service.h"
#include "testing/inference_fixture.h"

namespace holdfast {
namespace {

// What becomes of an item whose worker fails.
class InferenceRescue : public InferenceFixture {
 protected:
  InferenceRescue() { Announce(); }

  // Lets a fresh worker take the item that waits, and end with it on board.
  void DieWith(std::uint32_t generation, bool begun, DeathCause cause) {
    const auto worker = ReadyWorker(0, generation);
    ASSERT_TRUE(worker->Take(begun).has_value()) << "generation " << generation;
    worker->Die();
    Turn();
    Verdict(0, cause, generation);
  }
  void AnswerWith(std::uint32_t generation) {
    const auto worker = ReadyWorker(0, generation);
    const auto item = worker->Take();
    ASSERT_TRUE(item.has_value());
    worker->Answer(*item, scores_);
    Turn();
  }
};

TEST_F(InferenceRescue, AnItemOfADeadWorkerGoesToAnother) {
  const auto first = ReadyWorker(0);
  const auto request = Submit(Image("cat"));
  ASSERT_TRUE(first->Take().has_value());
  const auto second = ReadyWorker(1);
  first->Die();
  Turn();
  const auto item = second->Take();
  ASSERT_TRUE(item.has_value()) << "at once, whatever the cause";
  EXPECT_EQ(second->request(), "cat") << "the pristine bytes";
  second->Answer(*item, scores_);
  Turn();
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->reason(), Reason::kOk);
  EXPECT_EQ(request->outcomes[0].attempts, 2u);
  EXPECT_EQ(MetricLine("holdfast_items_rescued_total"), "holdfast_items_rescued_total 1");
}

TEST_F(InferenceRescue, ADeathBeforeTheItemWasBegunDoesNotCount) {
  const auto request = Submit(Image("cat"));
  for (std::uint32_t generation = 1; generation <= 3; ++generation) {
    DieWith(generation, false, DeathCause::kSignalled);
  }
  AnswerWith(4);
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->reason(), Reason::kOk);
  EXPECT_EQ(request->outcomes[0].attempts, 1u);
}

TEST_F(InferenceRescue, AKillFromOutsideDoesNotCount) {
  const auto request = Submit(Image("cat"));
  for (std::uint32_t generation = 1; generation <= 3; ++generation) {
    DieWith(generation, true, DeathCause::kKilledFromOutside);
  }
  AnswerWith(4);
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->reason(), Reason::kOk);
  EXPECT_EQ(request->outcomes[0].attempts, 4u);
}

TEST_F(InferenceRescue, AnItemIsDispatchedFourTimesAtMost) {
  const auto request = Submit(Image("cat"));
  for (std::uint32_t generation = 1; generation <= 4; ++generation) {
    DieWith(generation, false, DeathCause::kSignalled);
  }
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->reason(), Reason::kNoWorker);
}

TEST_F(InferenceRescue, TwoDeathsOfItsOwnEndAnItemAndQuarantineItsBytes) {
  const auto request = Submit(Image("killer"));
  DieWith(1, true, DeathCause::kSignalled);
  EXPECT_EQ(request->times_done, 0);
  DieWith(2, true, DeathCause::kOutOfMemory);
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->reason(), Reason::kRequestCrashedWorker);
  EXPECT_EQ(request->outcomes[0].attempts, 2u);

  const auto worker = ReadyWorker(0, 3);
  const auto again = Submit(Image("killer"));
  EXPECT_EQ(again->times_done, 1);
  EXPECT_EQ(again->reason(), Reason::kRequestQuarantined);
  EXPECT_FALSE(worker->Take().has_value());
  const auto mixed = Submit(Image("innocent"), Image("killer"));
  const auto item = worker->Take();
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(worker->request(), "innocent");
  worker->Answer(*item, scores_);
  Turn();
  ASSERT_EQ(mixed->times_done, 1);
  EXPECT_EQ(mixed->outcomes[0].reason, Reason::kOk);
  EXPECT_EQ(mixed->outcomes[1].reason, Reason::kRequestQuarantined);
}

TEST_F(InferenceRescue, TheSecondVerdictWaitsForTheSupervisorsCause) {
  const auto request = Submit(Image("cat"));
  DieWith(1, true, DeathCause::kSignalled);
  const auto second = ReadyWorker(0, 2);
  ASSERT_TRUE(second->Take().has_value());
  second->Die();
  const auto third = ReadyWorker(1);
  EXPECT_EQ(request->times_done, 0);
  EXPECT_FALSE(third->Take().has_value()) << "it may be the killer of two";
  Verdict(0, DeathCause::kKilledFromOutside, 2);
  EXPECT_TRUE(third->Take().has_value());
}

TEST_F(InferenceRescue, ANewsOfDeathBeforeTheEndOfFileIsTaken) {
  const auto worker = ReadyWorker(0);
  const auto request = Submit(Image("cat"));
  ASSERT_TRUE(worker->Take().has_value());
  Verdict(0, DeathCause::kKilledFromOutside);  // Its channel is still open.
  AnswerWith(2);
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->reason(), Reason::kOk);
  EXPECT_NE(logged_.find("\"request_id\":\"the-request\""), std::string::npos) << logged_;
}

TEST_F(InferenceRescue, NewsOfASuccessorBeforeTheEndOfFileIsADeath) {
  const auto old = ReadyWorker(0, 1);
  const auto request = Submit(Image("cat"));
  ASSERT_TRUE(old->Take().has_value());
  AnswerWith(2);
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->reason(), Reason::kOk);
  EXPECT_TRUE(old->dropped());
  old->SayAnswered({1});  // Nobody hears it.
  Turn();
}

TEST_F(InferenceRescue, AnAnswerGivenBeforeTheDeathIsNotThrownAway) {
  for (const bool successor : {false, true}) {
    Rebuild();
    Announce();
    const auto worker = ReadyWorker(0);
    const auto request = Submit(Image("cat"));
    const auto item = worker->Take();
    worker->Answer(*item, scores_);
    worker->Die();
    // The loop has not turned yet.
    const auto next = successor ? StartWorker(0, 2) : nullptr;
    if (!successor) Verdict(0, DeathCause::kKilledFromOutside);
    ASSERT_EQ(request->times_done, 1);
    EXPECT_EQ(request->reason(), Reason::kOk);
    EXPECT_EQ(request->outcomes[0].attempts, 1u);
  }
}

TEST_F(InferenceRescue, AnInvalidAnswerGoesToAnotherAndItsWorkerIsRecycled) {
  const auto liar = ReadyWorker(0);
  const auto request = Submit(Image("cat"));
  const auto first = liar->Take();
  liar->Answer(*first, {1, std::numeric_limits<float>::infinity(), 3});
  Turn();
  EXPECT_EQ(Recycles(0, DeathCause::kInvalidOutput), 1);
  EXPECT_TRUE(liar->dropped());
  EXPECT_EQ(request->times_done, 0);
  AnswerWith(2);
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->reason(), Reason::kOk);
  EXPECT_EQ(MetricLine("holdfast_invalid_outputs_total"),
            "holdfast_invalid_outputs_total{model=\"tiny/1\"} 1");
}

TEST_F(InferenceRescue, AnItemToWhichTwoWorkersGaveNoValidAnswerEnds) {
  const auto request = Submit(Image("cat"));
  for (std::uint32_t generation = 1; generation <= 2; ++generation) {
    const auto liar = ReadyWorker(0, generation);
    const auto item = liar->Take();
    ASSERT_TRUE(item.has_value());
    liar->Answer(*item, {7, 7, 7});
    Turn();
    Verdict(0, DeathCause::kInvalidOutput, generation);
  }
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->reason(), Reason::kOutputInvalid);
}

TEST_F(InferenceRescue, AnAnswerNobodyAskedForEndsItsWorker) {
  const auto liar = ReadyWorker(0);
  liar->Answer({999}, scores_);
  Turn();
  EXPECT_EQ(Recycles(0, DeathCause::kBrokeProtocol), 1);
  EXPECT_TRUE(liar->dropped());
}

TEST_F(InferenceRescue, WhoBreaksTheGrammarIsGone) {
  const auto liar = ReadyWorker(0);
  const auto request = Submit(Image("cat"));
  ASSERT_TRUE(liar->Take().has_value());
  liar->channel().Send({.kind = MessageKind::kDrained});
  Turn();
  EXPECT_TRUE(liar->dropped());
  AnswerWith(2);
  EXPECT_EQ(request->times_done, 1);
}

TEST_F(InferenceRescue, AWorkerThatHangsIsRecycledAndItsItemGoesToAnother) {
  options_.hang_floor = std::chrono::milliseconds(30);
  Rebuild();
  Announce();
  const auto stuck = ReadyWorker(0);
  const auto request = Submit(Image("cat"));
  ASSERT_TRUE(stuck->Take().has_value());
  TurnUntil([&] { return Recycles(0, DeathCause::kHung) == 1; });
  EXPECT_TRUE(stuck->dropped());
  AnswerWith(2);
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->reason(), Reason::kOk);
}

TEST_F(InferenceRescue, AWorkerWhoseArenaCannotBeMappedIsSentBack) {
  auto ends = MessageSocketPair();
  service_->AddWorker({5}, {1}, kServable, std::move(ends->first), UniqueFd(::dup(0)));
  EXPECT_EQ(Recycles(5, DeathCause::kBrokeProtocol), 1);
  EXPECT_EQ(service_->levels().workers_ready, 0u);
}

TEST_F(InferenceRescue, ADeathIsLoggedWithWhatWasOnBoard) {
  const auto worker = ReadyWorker(0);
  const auto request = Submit(Image("cat"));
  ASSERT_TRUE(worker->Take().has_value());
  worker->Die();
  Turn();
  Verdict(0, DeathCause::kSignalled);
  for (const char* words : {"\"event\":\"worker-died\"", "\"request_id\":\"the-request\"",
                            "\"model\":\"tiny/1\"", "\"digest\":\"77af778b51abd4a3c51c5ddd97204",
                            "\"last_words\":\"last words\"", "\"pid\":4711"}) {
    EXPECT_NE(logged_.find(words), std::string::npos) << words << " in " << logged_;
  }
  EXPECT_NE(MetricLine("holdfast_worker_exits_total").find("} 1"), std::string::npos);
}

TEST_F(InferenceRescue, ThatOneDiedWhoWasNeverHeardOfIsOnlyNoted) {
  service_->WorkerDied({9}, {1}, kServable, DeathCause::kStartTimeout, {});
  service_->WorkerDied({9}, {1}, {77}, DeathCause::kStartTimeout, {});
  EXPECT_EQ(service_->levels().workers_ready, 0u);
}

}  // namespace
}  // namespace holdfast
