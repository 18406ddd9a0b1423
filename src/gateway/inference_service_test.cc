// SPDX-License-Identifier: Apache-2.0
#include "gateway/inference_service.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "testing/inference_fixture.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class InferenceServiceTest : public InferenceFixture {
 protected:
  InferenceServiceTest() { Announce(); }
};

TEST_F(InferenceServiceTest, DeliversAWorkersAnswer) {
  const auto worker = ReadyWorker(0);
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0].kind, MessageKind::kWorkerReady);
  const auto request = Submit(Image("cat"));
  EXPECT_EQ(service_->levels().running, 1u);
  const auto item = worker->Take();
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(worker->request(), "cat");
  worker->Answer(*item, scores_);
  Turn();
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->reason(), Reason::kOk);
  EXPECT_EQ(request->outcomes[0].scores, scores_);
  EXPECT_EQ(request->outcomes[0].attempts, 1u);
  EXPECT_EQ(request->outcomes[0].times.preprocess_us, 100u);
  EXPECT_EQ(request->outcomes[0].times.infer_us, 200u);
  EXPECT_EQ(service_->calls(), 0u);
  EXPECT_EQ(service_->levels().bytes, 0u);
}

TEST_F(InferenceServiceTest, AnItemWaitsForAWorkerThatIsReady) {
  const auto request = Submit(Image("cat"));
  const auto worker = StartWorker(0);
  Turn();
  EXPECT_FALSE(worker->Take().has_value());
  EXPECT_EQ(service_->levels().queued, 1u);
  worker->SayReady();
  Turn();
  const auto item = worker->Take();
  ASSERT_TRUE(item.has_value());
  worker->Answer(*item, scores_);
  Turn();
  EXPECT_EQ(request->times_done, 1);
}

TEST_F(InferenceServiceTest, AWorkerHasOneItemAtATime) {
  const auto worker = ReadyWorker(0);
  const auto first = Submit(Image("one"));
  const auto second = Submit(Image("two"));
  const auto item = worker->Take();
  ASSERT_TRUE(item.has_value());
  EXPECT_FALSE(worker->Take().has_value());
  worker->Answer(*item, scores_);
  Turn();
  EXPECT_EQ(first->times_done, 1);
  EXPECT_TRUE(worker->Take().has_value());
  EXPECT_EQ(worker->request(), "two");
  EXPECT_EQ(second->times_done, 0);
}

TEST_F(InferenceServiceTest, OneBadItemOfSeveralCostsOnlyItsOwnAnswer) {
  const auto worker = ReadyWorker(0);
  const auto request = Submit(Image("good"), Image("bad"), Image("fine"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(request->times_done, 0);
    const auto item = worker->Take();
    ASSERT_TRUE(item.has_value());
    if (worker->request() == "bad") {
      worker->Fail(*item, Reason::kImageDecodeFailed, "the JPEG is truncated");
    } else {
      worker->Answer(*item, scores_);
    }
    Turn();
  }
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->outcomes[0].reason, Reason::kOk);
  EXPECT_EQ(request->outcomes[1].reason, Reason::kImageDecodeFailed);
  EXPECT_EQ(request->outcomes[1].detail, "the JPEG is truncated");
  EXPECT_EQ(request->outcomes[2].reason, Reason::kOk);
  EXPECT_EQ(Recycles(0, DeathCause::kInvalidOutput), 0);
}

TEST_F(InferenceServiceTest, WhatTheQueueCannotTakeIsRefusedAtOnce) {
  options_.queue_items_max = 2;
  Rebuild();
  Announce();
  const auto request = Submit(Image("one"), Image("two"), Image("three"));
  const auto other = Submit(Image("four"));
  EXPECT_EQ(request->times_done, 0) << "two of its items wait";
  ASSERT_EQ(other->times_done, 1);
  EXPECT_EQ(other->reason(), Reason::kOverloaded);
  EXPECT_GE(other->outcomes[0].retry_after, seconds(1));
}

TEST_F(InferenceServiceTest, AnAnswerAfterTheRefusalIsDiscarded) {
  const auto worker = ReadyWorker(0);
  time_limit_ = milliseconds(20);
  const auto late = Submit(Image("late"));
  const auto item = worker->Take();
  ASSERT_TRUE(item.has_value());
  TurnUntil([&] { return late->times_done == 1; });
  EXPECT_EQ(late->reason(), Reason::kDeadlineExceeded);
  time_limit_ = seconds(60);
  const auto next = Submit(Image("next"));
  EXPECT_FALSE(worker->Take().has_value()) << "it is still at the other one";
  worker->Answer(*item, scores_);
  Turn();
  EXPECT_EQ(late->times_done, 1);
  ASSERT_TRUE(worker->Take().has_value());
  EXPECT_EQ(worker->request(), "next");
  EXPECT_EQ(told_.size(), 1u) << "nothing is wrong with the worker";
}

TEST_F(InferenceServiceTest, ACancelledItemThatWaitsIsNeverSent) {
  const auto request = Submit(Image("cat"));
  service_->Cancel(request->id);
  const auto worker = ReadyWorker(0);
  EXPECT_FALSE(worker->Take().has_value());
  EXPECT_EQ(request->times_done, 0);
  EXPECT_EQ(service_->levels().bytes, 0u);
  service_->Cancel(request->id);  // Once more does nothing.
}

TEST_F(InferenceServiceTest, ACancelledItemThatRunsEndsWithoutAnAnswer) {
  const auto worker = ReadyWorker(0);
  const auto request = Submit(Image("cat"), Image("dog"));
  const auto item = worker->Take();
  ASSERT_TRUE(item.has_value());
  service_->Cancel(request->id);
  worker->Answer(*item, scores_);
  Turn();
  EXPECT_EQ(request->times_done, 0);
  EXPECT_FALSE(worker->Take().has_value()) << "its other item is gone, too";
  const auto next = Submit(Image("next"));
  EXPECT_TRUE(worker->Take().has_value());
}

TEST_F(InferenceServiceTest, BodiesThatAreBeingReadCountAgainstTheByteBudget) {
  options_.queue_bytes_max = 1000;
  Rebuild();
  Announce();
  const auto worker = ReadyWorker(0);
  const TimePoint deadline = Now() + seconds(60);
  EXPECT_EQ(service_->Admit(kServable, 1000, deadline).reason, Reason::kOk);
  EXPECT_EQ(service_->Admit(kServable, 1001, deadline).reason, Reason::kOverloaded);
  service_->budget().Reserve(600);
  EXPECT_EQ(service_->Admit(kServable, 401, deadline).reason, Reason::kOverloaded);
  EXPECT_EQ(service_->Admit(kServable, 400, deadline).reason, Reason::kOk);
  EXPECT_EQ(service_->levels().bytes, 600u);
  service_->budget().Release(600);
  const auto request = Submit(Image(std::string(300, 'x')));
  EXPECT_EQ(service_->Admit(kServable, 701, deadline).reason, Reason::kOverloaded);
  const auto item = worker->Take();
  worker->Answer(*item, scores_);
  Turn();
  EXPECT_EQ(service_->Admit(kServable, 1000, deadline).reason, Reason::kOk);
}

TEST_F(InferenceServiceTest, AMemoryLimitThatIsLoweredHoldsForTheNextBody) {
  const auto worker = ReadyWorker(0);
  const TimePoint deadline = Now() + std::chrono::seconds(10);
  std::optional<std::uint64_t> limit;
  service_->budget().Watch([&] { return limit; });
  service_->budget().Reserve(MiB(1));
  EXPECT_EQ(service_->Admit(kServable, MiB(8), deadline).reason, Reason::kOk);
  limit = MiB(16);
  EXPECT_EQ(service_->Admit(kServable, MiB(8), deadline).reason, Reason::kOverloaded);
  EXPECT_EQ(service_->Admit(kServable, MiB(3), deadline).reason, Reason::kOk);
}

TEST_F(InferenceServiceTest, AClientsNanIsNotTheWorkersFault) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const auto worker = ReadyWorker(0);
  const auto request = Submit(Tensor({1, kNan}));
  const auto item = worker->Take();
  worker->Answer(*item, {kNan, kNan, kNan});
  Turn();
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->reason(), Reason::kBadRequest);
  EXPECT_EQ(request->outcomes[0].detail, "the input is not finite, and so the answer is not");
  EXPECT_TRUE(request->outcomes[0].scores.empty());
  EXPECT_EQ(Recycles(0, DeathCause::kInvalidOutput), 0);
  // Nor when the client goes away before it is told.
  const auto other = Submit(Tensor({1, std::numeric_limits<float>::infinity()}));
  const auto second = worker->Take();
  ASSERT_TRUE(second.has_value());
  service_->Cancel(other->id);
  worker->Answer(*second, {kNan, kNan, kNan});
  Turn();
  EXPECT_EQ(Recycles(0, DeathCause::kInvalidOutput), 0);
  Submit(Tensor({1, 2}));
  EXPECT_TRUE(worker->Take().has_value());
}

TEST_F(InferenceServiceTest, AClientsNanExcusesNoAnswerToAnotherItem) {
  const auto worker = ReadyWorker(0);
  const auto request = Submit(Tensor({1, std::numeric_limits<float>::quiet_NaN()}));
  const auto item = worker->Take();
  worker->Answer({item->value + 1}, {1, 2, 3});
  Turn();
  EXPECT_EQ(request->times_done, 0);
  EXPECT_FALSE(service_->levels().running > 0);
  EXPECT_TRUE(worker->dropped());
}

TEST_F(InferenceServiceTest, ATensorThatTakesTheModelBeyondItsRangeCostsNoWorker) {
  const std::unique_ptr<FakeWorker> workers[] = {ReadyWorker(0), ReadyWorker(1)};
  for (int turn = 0; turn < 5; ++turn) {
    const auto request = Submit(Tensor({3e38f, 3e38f}));
    for (int answers = 0; answers < 2; ++answers) {
      for (const auto& worker : workers) {
        const auto item = worker->Take();
        if (item) worker->Answer(*item, {1, 2, std::numeric_limits<float>::infinity()});
        Turn();
      }
    }
    ASSERT_EQ(request->times_done, 1);
    EXPECT_EQ(request->reason(), Reason::kOutputInvalid);
    EXPECT_EQ(request->outcomes[0].attempts, 2u);
  }
  EXPECT_EQ(Recycles(0, DeathCause::kInvalidOutput) + Recycles(1, DeathCause::kInvalidOutput), 0);
  EXPECT_EQ(service_->levels().workers_ready, 2u);
  EXPECT_EQ(MetricLine("holdfast_invalid_outputs_total"),
            "holdfast_invalid_outputs_total{model=\"tiny/1\"} 10");
}

TEST_F(InferenceServiceTest, AWorkerThatAloneCannotAnswerATensorIsRecycled) {
  const auto liar = ReadyWorker(0);
  const auto honest = ReadyWorker(1);
  const auto request = Submit(Tensor({1, 2}));
  liar->Answer(*liar->Take(), {1, 2, std::numeric_limits<float>::quiet_NaN()});
  Turn();
  EXPECT_EQ(request->times_done, 0);
  const auto item = honest->Take();
  ASSERT_TRUE(item.has_value());
  honest->Answer(*item, scores_);
  Turn();
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->reason(), Reason::kOk);
  EXPECT_EQ(Recycles(0, DeathCause::kInvalidOutput), 1);
  EXPECT_TRUE(liar->dropped());
}

TEST_F(InferenceServiceTest, ATensorExcusesNoAnswerOfTheWrongForm) {
  const auto worker = ReadyWorker(0);
  const auto request = Submit(Tensor({1, 2}));
  worker->Answer(*worker->Take(), {1, 2});
  Turn();
  EXPECT_EQ(Recycles(0, DeathCause::kInvalidOutput), 1);
}

// --- Health ---

TEST_F(InferenceServiceTest, IsHealthyOnceEveryServableHasAReadyWorker) {
  Rebuild();
  EXPECT_FALSE(service_->healthy()) << "nothing is loaded";
  Announce();
  EXPECT_FALSE(service_->healthy()) << "no worker";
  const auto worker = StartWorker(0);
  Turn();
  EXPECT_FALSE(service_->healthy()) << "not ready yet";
  worker->SayReady();
  Turn();
  EXPECT_TRUE(service_->healthy());
  worker->Die();
  Turn();
  EXPECT_TRUE(service_->healthy()) << "a respawn takes milliseconds";
}

TEST_F(InferenceServiceTest, AWorkerThatDiesBeforeItIsReadyMakesNothingHealthy) {
  const auto worker = StartWorker(0);
  worker->Die();
  Turn();
  EXPECT_FALSE(service_->healthy());
}

TEST_F(InferenceServiceTest, StaysHealthyWhenWorkComesJustAfterItsIdleWorkerDied) {
  ReadyWorker(0)->Die();
  Turn();
  const auto request = Submit(Image("cat"));
  EXPECT_TRUE(service_->healthy());
}

TEST_F(InferenceServiceTest, IsHealthyForThreeSecondsWithoutAWorker) {
  const auto worker = ReadyWorker(0);
  const TimePoint before = Now();
  EXPECT_TRUE(service_->healthy(before + seconds(3600))) << "an idle worker is no absent one";
  worker->Die();
  Turn();
  const TimePoint after = Now();
  EXPECT_TRUE(service_->healthy(before + milliseconds(2'999)));
  EXPECT_FALSE(service_->healthy(after + seconds(3)));
  const auto next = StartWorker(0, 2);
  Turn();
  EXPECT_FALSE(service_->healthy(after + seconds(3))) << "not ready yet";
  next->SayReady();
  Turn();
  EXPECT_TRUE(service_->healthy(after + seconds(3)));
}

TEST_F(InferenceServiceTest, IsHealthyForTenSecondsOfWorkWithoutAnAnswer) {
  const auto worker = ReadyWorker(0);
  const TimePoint before = Now();
  const auto request = Submit(Image("slow"), Image("waits"));
  const auto item = worker->Take();
  ASSERT_TRUE(item.has_value());
  EXPECT_TRUE(service_->healthy(before + seconds(10)));
  EXPECT_FALSE(service_->healthy(Now() + milliseconds(10'001)));
  const TimePoint answered = Now();
  worker->Answer(*item, scores_);
  Turn();
  EXPECT_TRUE(service_->healthy(answered + seconds(10))) << "one answer is progress";
  EXPECT_FALSE(service_->healthy(Now() + milliseconds(10'001))) << "the other still waits for its";
  worker->Answer(*worker->Take(), scores_);
  Turn();
  ASSERT_EQ(request->times_done, 1);
  EXPECT_TRUE(service_->healthy(Now() + seconds(3600))) << "there is nothing to move on with";
}

TEST_F(InferenceServiceTest, TheTenSecondsBeginWithTheWorkThatComes) {
  const auto worker = ReadyWorker(0);
  const auto first = Submit(Image("one"));
  worker->Answer(*worker->Take(), scores_);
  Turn();
  const TimePoint before = Now();
  const auto second = Submit(Image("two"));
  EXPECT_TRUE(service_->healthy(before + seconds(10)));
}

TEST_F(InferenceServiceTest, AHostThatSleptHasNotBeenWithoutAnAnswer) {
  const auto worker = ReadyWorker(0);
  const TimePoint before = Now();
  const auto request = Submit(Image("slow"));
  ASSERT_TRUE(worker->Take().has_value());
  std::this_thread::sleep_for(milliseconds(250));  // The fault itself: nobody turns the loop.
  Turn();
  EXPECT_TRUE(service_->healthy(before + milliseconds(10'050)));
  EXPECT_FALSE(service_->healthy(Now() + seconds(10)));
}

TEST_F(InferenceServiceTest, ASuccessorIsAsHealthyAsItsPredecessorWas) {
  options_.successor = 1;
  Rebuild();
  EXPECT_FALSE(service_->healthy());
  Announce();
  EXPECT_TRUE(service_->healthy());
}

TEST_F(InferenceServiceTest, AServableThatIsGivenUpRefusesWhatWaits) {
  const auto request = Submit(Image("cat"));
  service_->ServableFailed(kServable);
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->reason(), Reason::kNoWorker);
  EXPECT_FALSE(service_->healthy());
  EXPECT_EQ(service_->Admit(kServable, 1, Now() + seconds(60)).reason, Reason::kNoWorker);
  Announce();  // Its zygote is back.
  EXPECT_EQ(service_->Admit(kServable, 1, Now() + seconds(60)).reason, Reason::kOk);
}

TEST_F(InferenceServiceTest, AServableThatWasNeverLoadedCanBeGivenUp) {
  Rebuild();
  service_->ServableFailed(kServable);
  EXPECT_FALSE(service_->healthy());
}

TEST_F(InferenceServiceTest, HintsAreGivenForReasonsToComeBackAfter) {
  EXPECT_EQ(service_->RetryHint(Reason::kBadRequest, Duration::zero()), Duration::zero());
  EXPECT_EQ(service_->RetryHint(Reason::kNoWorker, Duration::zero()), seconds(5));
  const Duration hint = service_->RetryHint(Reason::kOverloaded, seconds(2));
  EXPECT_GE(hint, seconds(3));
  EXPECT_LE(hint, seconds(5));
  EXPECT_EQ(service_->RetryHint(Reason::kOverloaded, std::chrono::hours(1)), seconds(30));
}

}  // namespace
}  // namespace holdfast
