// SPDX-License-Identifier: Apache-2.0
#include "gateway/golden_probe.h"

#include <gtest/gtest.h>

#include "testing/inference_fixture.h"

namespace holdfast {
namespace {

using std::chrono::seconds;

class GoldenProbeTest : public InferenceFixture {
 protected:
  static constexpr Duration kInterval = seconds(60);

  GoldenProbeTest() {
    ServableDescription description = Tiny();
    description.golden_photo = {'g', 'o', 'l', 'd'};
    description.golden_class = 1;  // As scores_ have it.
    service_->AddServable(kServable, std::move(description));
    golden_probe_.Check(now_);
  }
  void Wait(Duration time) {
    now_ += time;
    golden_probe_.Check(now_);
    Turn();
  }

  TimePoint now_ = Now();
  GoldenProbe golden_probe_{*service_, servables_, metrics_, log_, kInterval};
};

TEST_F(GoldenProbeTest, AsksEachIdleWorkerOnceNothingWasAnsweredForTheInterval) {
  const auto first = ReadyWorker(0);
  const auto second = ReadyWorker(1);
  Wait(kInterval - seconds(1));
  EXPECT_FALSE(first->Take());
  Wait(seconds(1));
  for (FakeWorker* worker : {first.get(), second.get()}) {
    const auto item = worker->Take();
    ASSERT_TRUE(item);
    EXPECT_EQ(worker->request(), "gold");
    worker->Answer(*item, scores_);
  }
  Turn();
  EXPECT_TRUE(service_->healthy());
  EXPECT_EQ(MetricLine("holdfast_golden_failures_total"), "");
  Wait(seconds(1));
  EXPECT_FALSE(first->Take()) << "the next one is due after the interval";
}

TEST_F(GoldenProbeTest, AsksSoonOnceAnAnswerToATensorWasInvalid) {
  const auto worker = ReadyWorker(0);
  const auto request = Submit(Tensor({1, 2}));
  for (int i = 0; i < 2; ++i) worker->Answer(*worker->Take(), {7, 7, 7}), Turn();
  ASSERT_EQ(request->times_done, 1);
  Wait(seconds(1));
  const auto item = worker->Take();
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(worker->request(), "gold");
  worker->Answer(*item, {7, 7, 7});
  Turn();
  EXPECT_EQ(Recycles(0, DeathCause::kInvalidOutput), 1) << "it is the worker";
}

TEST_F(GoldenProbeTest, LeavesABusyServableAlone) {
  const auto worker = ReadyWorker(0);
  const auto request = Submit(Image("cat"));
  ASSERT_TRUE(worker->Take());
  Wait(2 * kInterval);
  EXPECT_FALSE(worker->Take());
}

TEST_F(GoldenProbeTest, CostsAWorkerThatDoesNotKnowItItsPlace) {
  const auto worker = ReadyWorker(0);
  Wait(kInterval);
  const auto item = worker->Take();
  ASSERT_TRUE(item);
  worker->Answer(*item, {9, 0, 1});
  Turn();
  EXPECT_EQ(Recycles(0, DeathCause::kInvalidOutput), 1);
  EXPECT_TRUE(service_->healthy()) << "another worker may know it";
  EXPECT_NE(logged_.find("the golden example is of class 1, the answer says 0"), std::string::npos);
}

TEST_F(GoldenProbeTest, MakesTheServerNotReadyWhenTwoFailInARowUntilOneIsRight) {
  std::uint32_t generation = 1;
  const auto answer = [&](const std::vector<float>& scores) {
    const auto worker = ReadyWorker(0, generation++);
    const auto item = worker->Take();
    ASSERT_TRUE(item);
    worker->Answer(*item, scores);
    Turn();
  };
  const auto fail = [&] {
    // An item is tried by two workers before it is given up.
    answer({9, 0, 1});
    answer({9, 0, 1});
  };
  auto idle = ReadyWorker(0, generation++);
  Wait(kInterval);
  idle->Die();
  Verdict(0, DeathCause::kKilledFromOutside, generation - 1);
  fail();
  EXPECT_TRUE(service_->healthy());
  EXPECT_EQ(MetricLine("holdfast_golden_failures_total"),
            "holdfast_golden_failures_total{model=\"tiny/1\"} 1");
  idle = ReadyWorker(0, generation++);
  Wait(kInterval);
  idle->Die();
  Verdict(0, DeathCause::kKilledFromOutside, generation - 1);
  fail();
  EXPECT_FALSE(service_->healthy());
  idle = ReadyWorker(0, generation++);
  Wait(kInterval);
  const auto item = idle->Take();
  ASSERT_TRUE(item);
  idle->Answer(*item, scores_);
  Turn();
  EXPECT_TRUE(service_->healthy());
}

TEST_F(GoldenProbeTest, IsSwitchedOffByAnIntervalOfZero) {
  GoldenProbe off(*service_, servables_, metrics_, log_, Duration::zero());
  const auto worker = ReadyWorker(0);
  off.Check(now_ + std::chrono::hours(100));
  Turn();
  EXPECT_FALSE(worker->Take());
}

}  // namespace
}  // namespace holdfast
