// SPDX-License-Identifier: Apache-2.0
#include "gateway/worker_pool.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "testing/inference_fixture.h"

namespace holdfast {
namespace {

class WorkerPoolTest : public testing::Test {
 protected:
  WorkerPoolTest()
      : pool_(std::in_place, loop_,
              WorkerPool::Events{
                  .ready = [this](SlotId slot, Generation) { Note("ready", slot); },
                  .answered =
                      [this](SlotId slot, Generation, ItemId item) {
                        Note("answered " + std::to_string(item.value), slot);
                        if (drop_when_answered_) pool_->Drop(slot);
                      },
                  .lost = [this](SlotId slot, Generation,
                                 bool begun) { Note(begun ? "lost, begun" : "lost", slot); }}) {}

  void Note(const std::string& what, SlotId slot) {
    events_ += what + " #" + std::to_string(slot.value) + "; ";
  }
  FakeWorker Start(std::uint32_t slot) {
    auto ends = MessageSocketPair();
    auto memory = Arena::Make(100);
    FakeWorker worker({slot}, {1}, std::move(ends->second), std::move(*Arena::Map(memory->get())));
    EXPECT_TRUE(pool_->Add({slot}, {1}, std::move(ends->first), std::move(*memory)));
    return worker;
  }
  void Turn() {
    loop_.restart();
    while (loop_.poll() > 0) {
    }
  }
  void Send(std::uint32_t slot, std::uint64_t item) {
    constexpr std::string_view kBytes = "bytes";
    pool_->Send({slot}, {item}, ItemKind::kEncodedImage,
                {reinterpret_cast<const std::uint8_t*>(kBytes.data()), kBytes.size()});
  }

  boost::asio::io_context loop_{1};
  bool drop_when_answered_ = false;
  std::string events_;
  std::optional<WorkerPool> pool_;
};

std::ptrdiff_t OpenDescriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                       std::filesystem::directory_iterator());
}

TEST_F(WorkerPoolTest, TellsWhatWorkersSay) {
  FakeWorker worker = Start(3);
  EXPECT_TRUE(pool_->Has({3}));
  EXPECT_EQ(pool_->GenerationOf({3}), Generation{1});
  EXPECT_EQ(pool_->GenerationOf({4}), std::nullopt);
  worker.SayReady();
  Turn();
  Send(3, 17);
  const auto item = worker.Take();
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(worker.request(), "bytes");
  worker.Answer(*item, {1, 2});
  Turn();
  EXPECT_EQ(events_, "ready #3; answered 17 #3; ");
  const auto answer = pool_->ReadAnswer({3});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->scores, (std::vector<float>{1, 2}));
}

TEST_F(WorkerPoolTest, TellsWhetherTheLostOneHadBegun) {
  FakeWorker idle = Start(0);
  FakeWorker waiting = Start(1);
  FakeWorker busy = Start(2);
  Send(1, 5);
  Send(2, 6);
  EXPECT_TRUE(waiting.Take(false).has_value());
  EXPECT_TRUE(busy.Take(true).has_value());
  for (FakeWorker* worker : {&idle, &waiting, &busy}) {
    worker->Die();
    Turn();
  }
  EXPECT_EQ(events_, "lost #0; lost #1; lost, begun #2; ");
  EXPECT_FALSE(pool_->Has({2}));
}

TEST_F(WorkerPoolTest, TheMarkOfAnEarlierItemIsNotThisOnes) {
  FakeWorker worker = Start(0);
  Send(0, 5);
  EXPECT_TRUE(worker.Take(true).has_value());
  Send(0, 6);
  worker.Die();
  Turn();
  EXPECT_EQ(events_, "lost #0; ");
}

TEST_F(WorkerPoolTest, AnAnswerComesBeforeTheEndOfFile) {
  FakeWorker worker = Start(0);
  Send(0, 5);  // Never read: its death resets the channel.
  worker.SayAnswered({4});
  worker.Die();
  Turn();
  EXPECT_EQ(events_, "answered 4 #0; lost #0; ");
}

TEST_F(WorkerPoolTest, WhoSpeaksForAnotherIsLost) {
  FakeWorker worker = Start(0);
  worker.channel().Send({.kind = MessageKind::kAnswer, .slot = {1}, .generation = {1}});
  Turn();
  EXPECT_EQ(events_, "lost #0; ");
  FakeWorker other = Start(0);
  other.channel().Send({.kind = MessageKind::kAnswer, .slot = {0}, .generation = {2}});
  Turn();
  EXPECT_EQ(events_, "lost #0; lost #0; ");
}

TEST_F(WorkerPoolTest, ADroppedOneIsNotHeardOfAgain) {
  FakeWorker worker = Start(0);
  worker.SayReady();
  worker.SayReady();
  EXPECT_FALSE(pool_->Drop({0}));
  EXPECT_FALSE(pool_->Drop({0}));
  Turn();
  EXPECT_EQ(events_, "");
  EXPECT_TRUE(worker.dropped());
}

TEST_F(WorkerPoolTest, AnEventMayDropItsWorker) {
  drop_when_answered_ = true;
  FakeWorker worker = Start(0);
  worker.SayAnswered({1});
  worker.SayAnswered({2});
  Turn();
  EXPECT_EQ(events_, "answered 1 #0; ");
}

TEST_F(WorkerPoolTest, ReadsEveryChannelNow) {
  FakeWorker a = Start(0);
  FakeWorker b = Start(1);
  a.SayReady();
  b.Die();
  pool_->ReadAll();
  EXPECT_EQ(events_, "ready #0; lost #1; ");
}

TEST_F(WorkerPoolTest, KeepsNoDescriptors) {
  Start(0);  // What the loop opens once.
  pool_->Drop({0});
  Turn();
  const std::ptrdiff_t before = OpenDescriptors();
  for (int round = 0; round < 10; ++round) {
    FakeWorker worker = Start(0);
    Turn();
    pool_->Drop({0});
    Turn();
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(WorkerPoolTest, MayEndBeforeItsLoop) {
  FakeWorker worker = Start(0);
  worker.SayReady();
  pool_.reset();
  Turn();
  EXPECT_EQ(events_, "");
}

TEST_F(WorkerPoolTest, RefusesMemoryThatIsNoArena) {
  auto ends = MessageSocketPair();
  EXPECT_FALSE(pool_->Add({0}, {1}, std::move(ends->first), UniqueFd(::dup(0))));
  EXPECT_FALSE(pool_->Has({0}));
}

}  // namespace
}  // namespace holdfast
