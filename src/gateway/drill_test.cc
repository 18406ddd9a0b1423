// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "gateway/inference_service.h"
#include "testing/inference_fixture.h"

namespace holdfast {
namespace {

class Drill : public InferenceFixture {
 protected:
  Drill() { Announce(); }

  // How often the supervisor was told to let `slot` suffer `fault`.
  std::ptrdiff_t Injected(std::uint32_t slot, DrillFault fault) const {
    return std::count_if(told_.begin(), told_.end(), [&](const Message& message) {
      return message.kind == MessageKind::kInject && message.slot == SlotId{slot} &&
             message.generation == Generation{1} &&
             message.code == static_cast<std::uint32_t>(fault);
    });
  }
};

TEST_F(Drill, NeedsAReadyWorkerThatTheSupervisorKnows) {
  EXPECT_EQ(service_->Drill(DrillFault::kKill).error().reason, Reason::kNoWorker);
  const auto worker = ReadyWorker(0);
  EXPECT_FALSE(service_->Drill(DrillFault::kKill));
  service_->WorkerForked({0}, {2}, 66);  // Another generation's.
  EXPECT_FALSE(service_->Drill(DrillFault::kKill));
  service_->WorkerForked({0}, {1}, 77);
  EXPECT_TRUE(service_->Drill(DrillFault::kKill));
  worker->Die();
  Turn();
  EXPECT_FALSE(service_->Drill(DrillFault::kKill));
  EXPECT_EQ(logged_.find("\"pid\":66"), std::string::npos) << logged_;
}

TEST_F(Drill, AsksTheSupervisorAndTellsWhom) {
  const auto worker = ReadyWorker(3);
  service_->WorkerForked({3}, {1}, 77);
  for (const DrillFault fault : {DrillFault::kKill, DrillFault::kStop, DrillFault::kOutOfMemory}) {
    const auto drilled = service_->Drill(fault);
    ASSERT_TRUE(drilled);
    EXPECT_EQ(drilled->model, "tiny/1");
    EXPECT_EQ(drilled->slot, SlotId{3});
    EXPECT_EQ(drilled->pid, 77u);
    EXPECT_EQ(Injected(3, fault), 1);
  }
  EXPECT_EQ(MetricLine("holdfast_drill_faults_total{fault=\"oom\"}"),
            "holdfast_drill_faults_total{fault=\"oom\"} 1");
  EXPECT_NE(logged_.find("\"event\":\"drill\""), std::string::npos) << logged_;
}

TEST_F(Drill, PrefersWhoeverHasWork) {
  const auto first = ReadyWorker(0);
  const auto second = ReadyWorker(1);
  service_->WorkerForked({0}, {1}, 70);
  service_->WorkerForked({1}, {1}, 71);
  const auto one = Submit(Image("cat"));
  const auto two = Submit(Image("dog"));
  const auto item = first->Take();
  ASSERT_TRUE(item.has_value());
  first->Answer(*item, scores_);
  Turn();
  EXPECT_EQ(service_->Drill(DrillFault::kStop)->slot, SlotId{1}) << "it has one on board";
  second->Answer(*second->Take(), scores_);
  Turn();
  EXPECT_EQ(service_->Drill(DrillFault::kStop)->slot, SlotId{0}) << "it gets the next";
}

TEST_F(Drill, AGarbledAnswerIsCaughtAndItsItemRescued) {
  const auto first = ReadyWorker(0);
  service_->WorkerForked({0}, {1}, 77);
  ASSERT_TRUE(service_->Drill(DrillFault::kGarbage));
  EXPECT_EQ(Injected(0, DrillFault::kGarbage), 0);
  EXPECT_FALSE(service_->Drill(DrillFault::kGarbage)) << "one at a time";
  const auto request = Submit(Image("cat"));
  const auto second = ReadyWorker(1);
  const auto item = first->Take();
  ASSERT_TRUE(item.has_value());
  first->Answer(*item, scores_);
  Turn();
  EXPECT_EQ(request->times_done, 0);
  EXPECT_EQ(Recycles(0, DeathCause::kInvalidOutput), 1);
  const auto again = second->Take();
  ASSERT_TRUE(again.has_value());
  second->Answer(*again, scores_);
  Turn();
  ASSERT_EQ(request->times_done, 1);
  EXPECT_EQ(request->outcomes[0].scores, scores_);
}

TEST_F(Drill, ARefusalIsGarbledToo) {
  const auto worker = ReadyWorker(0);
  service_->WorkerForked({0}, {1}, 77);
  ASSERT_TRUE(service_->Drill(DrillFault::kGarbage));
  const auto request = Submit(Image("cat"));
  const auto item = worker->Take();
  ASSERT_TRUE(item.has_value());
  worker->Fail(*item, Reason::kImageDecodeFailed, "no picture");
  Turn();
  EXPECT_EQ(request->times_done, 0);
  EXPECT_EQ(Recycles(0, DeathCause::kInvalidOutput), 1);
}

TEST_F(Drill, SparesAnItemThatHasLostAWorkerAlready) {
  auto first = ReadyWorker(0);
  service_->WorkerForked({0}, {1}, 70);
  const auto request = Submit(Image("cat"));
  ASSERT_TRUE(first->Take().has_value());
  const auto second = ReadyWorker(1);
  service_->WorkerForked({1}, {1}, 71);
  first->Die();
  Turn();
  const auto item = second->Take();
  ASSERT_TRUE(item.has_value());
  EXPECT_FALSE(service_->Drill(DrillFault::kStop));
  second->Answer(*item, scores_);
  Turn();
  ASSERT_EQ(request->times_done, 1);
  EXPECT_TRUE(service_->Drill(DrillFault::kStop));
}

}  // namespace
}  // namespace holdfast
