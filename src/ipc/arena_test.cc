// SPDX-License-Identifier: Apache-2.0
#include "ipc/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace holdfast {
namespace {

constexpr std::size_t kRequestBytes = 1000;
// Where the header's words lie, for a worker that scribbles.
constexpr std::size_t kReasonAt = 16;
constexpr std::size_t kScoresAt = 20;
constexpr std::size_t kDetailBytesAt = 24;

// Both processes' mappings of one arena.
class ArenaTest : public testing::Test {
 protected:
  ArenaTest()
      : memory_(*Arena::Make(kRequestBytes)),
        gateway_(*Arena::Map(memory_.get())),
        worker_(*Arena::Map(memory_.get())),
        raw_(*SharedMemory::Map(memory_.get(), SharedMemory::Access::kReadWrite)) {}

  void Answer(std::size_t scores) {
    const auto place = worker_.Scores(scores);
    for (std::size_t i = 0; i < scores; ++i) place[i] = static_cast<float>(i) * 0.5f;
    worker_.WriteAnswer({7}, Reason::kOk, "", scores, 11, 22);
  }
  void Scribble(std::size_t at, std::uint32_t word) {
    std::memcpy(raw_.bytes().data() + at, &word, sizeof word);
  }
  void ExpectInvalid() {
    const auto answer = gateway_.ReadAnswer();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().reason, Reason::kOutputInvalid);
  }

  UniqueFd memory_;
  Arena gateway_;
  Arena worker_;
  SharedMemory raw_;
};

TEST_F(ArenaTest, HandsTheRequestToTheWorker) {
  EXPECT_EQ(gateway_.request_capacity(), kRequestBytes);
  std::vector<std::uint8_t> request(kRequestBytes);
  for (std::size_t i = 0; i < request.size(); ++i) request[i] = static_cast<std::uint8_t>(i * 7);
  gateway_.WriteRequest(request);
  const ByteView seen = worker_.Request(kRequestBytes);
  EXPECT_TRUE(std::equal(seen.begin(), seen.end(), request.begin(), request.end()));
}

TEST_F(ArenaTest, ARequestIsAlignedForFloats) {
  const auto address = reinterpret_cast<std::uintptr_t>(worker_.Request(4).data());
  EXPECT_EQ(address % 64, 0u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(worker_.Scores(4).data()) % 64, 0u);
}

TEST_F(ArenaTest, AnItemHasBegunFromTheWorkersMarkOn) {
  EXPECT_FALSE(gateway_.HasBegun({7}));
  worker_.MarkBegun({7});
  EXPECT_TRUE(gateway_.HasBegun({7}));
  EXPECT_FALSE(gateway_.HasBegun({8}));
  worker_.MarkBegun({8});
  EXPECT_FALSE(gateway_.HasBegun({7}));
}

TEST_F(ArenaTest, GivesACopyOfTheAnswer) {
  Answer(1000);
  const auto answer = gateway_.ReadAnswer();
  ASSERT_TRUE(answer);
  worker_.Scores(1000)[999] = -1;  // After the copy it may say what it likes.
  EXPECT_EQ(answer->item, ItemId{7});
  EXPECT_EQ(answer->reason, Reason::kOk);
  EXPECT_EQ(answer->preprocess_us, 11u);
  EXPECT_EQ(answer->infer_us, 22u);
  ASSERT_EQ(answer->scores.size(), 1000u);
  EXPECT_EQ(answer->scores[999], 499.5f);
}

TEST_F(ArenaTest, GivesTheReasonWhyThereIsNoAnswer) {
  worker_.WriteAnswer({9}, Reason::kImageDecodeFailed, "the JPEG is truncated", 0, 1, 0);
  const auto answer = gateway_.ReadAnswer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->reason, Reason::kImageDecodeFailed);
  EXPECT_EQ(answer->detail, "the JPEG is truncated");
  EXPECT_TRUE(answer->scores.empty());
}

TEST_F(ArenaTest, CutsWordsThatAreTooLong) {
  worker_.WriteAnswer({9}, Reason::kInternal, std::string(5000, 'x'), 0, 0, 0);
  const auto answer = gateway_.ReadAnswer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->detail, std::string(Arena::kDetailMax, 'x'));
}

TEST_F(ArenaTest, TakesTheLargestAnswerThereCanBe) {
  Answer(Arena::kScoresMax);
  const auto answer = gateway_.ReadAnswer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->scores.size(), Arena::kScoresMax);
}

TEST_F(ArenaTest, RefusesSizesOutOfRange) {
  Answer(10);
  Scribble(kScoresAt, Arena::kScoresMax + 1);
  ExpectInvalid();
  Scribble(kScoresAt, 0xffffffffu);
  ExpectInvalid();
  Scribble(kScoresAt, 10);
  EXPECT_TRUE(gateway_.ReadAnswer());
  Scribble(kDetailBytesAt, Arena::kDetailMax + 1);
  ExpectInvalid();
  Scribble(kDetailBytesAt, 0x80000000u);
  ExpectInvalid();
}

TEST_F(ArenaTest, RefusesAReasonThatThereIsNot) {
  Answer(10);
  Scribble(kReasonAt, 0xffffu);
  ExpectInvalid();
  Scribble(kReasonAt, static_cast<std::uint32_t>(Reason::kUnavailable) + 1);
  ExpectInvalid();
}

TEST_F(ArenaTest, WhateverAWorkerScribblesIsRefusedOrBounded) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    for (std::size_t at = 0; at < 48; at += 4) {
      const bool wild = random() % 3 == 0;
      Scribble(at, static_cast<std::uint32_t>(wild ? random() : random() % 70'000));
    }
    const auto answer = gateway_.ReadAnswer();
    if (!answer) continue;
    EXPECT_LE(answer->scores.size(), Arena::kScoresMax);
    EXPECT_LE(answer->detail.size(), Arena::kDetailMax);
  }
}

TEST(Arena, IsNotMappedWhereThereIsNoRoomForARequest) {
  const auto small = MakeSealedMemory("test", 4096);
  ASSERT_TRUE(small);
  EXPECT_FALSE(Arena::Map(small->get()));
  const auto none = Arena::Make(0);
  ASSERT_TRUE(none);
  EXPECT_FALSE(Arena::Map(none->get()));
  const auto one = Arena::Make(1);
  ASSERT_TRUE(one);
  EXPECT_TRUE(Arena::Map(one->get()));
}

}  // namespace
}  // namespace holdfast
