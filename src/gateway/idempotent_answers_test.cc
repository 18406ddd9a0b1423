// SPDX-License-Identifier: Apache-2.0
#include "gateway/idempotent_answers.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace holdfast {
namespace {

using Turn = IdempotentAnswers::Turn;
using Lease = IdempotentAnswers::Lease;

constexpr TimePoint kStart{std::chrono::hours(1)};
constexpr Duration kLifetime = std::chrono::minutes(10);

HttpAnswer Answered(int status, std::string body = "{}") {
  HttpAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

class IdempotentAnswersTest : public testing::Test {
 protected:
  Turn Begin(const std::string& key, const std::string& request = "cat", Duration after = {}) {
    return answers_.Begin(key, request, kStart + after);
  }
  // Runs the request and gives it this answer.
  void Run(const std::string& key, const HttpAnswer& answer, Duration after = {}) {
    ASSERT_EQ(Begin(key, "cat", after), Turn::kRun);
    Lease(answers_, key).Finish(answer, kStart + after);
  }

  IdempotentAnswers answers_{{.lifetime = kLifetime, .bytes_max = 4096}};
};

TEST_F(IdempotentAnswersTest, TheSameRequestGetsTheFirstAnswer) {
  Run("a", Answered(200, "tabby"));
  ASSERT_EQ(Begin("a"), Turn::kReplay);
  EXPECT_EQ(answers_.Answer("a").body, "tabby");
  EXPECT_EQ(Begin("b"), Turn::kRun) << "another key is another request";
}

TEST_F(IdempotentAnswersTest, AKeyStandsForOneRequest) {
  ASSERT_EQ(Begin("a", "cat"), Turn::kRun);
  Lease lease(answers_, "a");
  EXPECT_EQ(Begin("a", "dog"), Turn::kReused) << "while it runs";
  lease.Finish(Answered(200), kStart);
  EXPECT_EQ(Begin("a", "dog"), Turn::kReused) << "and once it is answered";
  EXPECT_EQ(Begin("a", "cat"), Turn::kReplay);
}

TEST_F(IdempotentAnswersTest, TwoAtATimeRunOnce) {
  ASSERT_EQ(Begin("a"), Turn::kRun);
  Lease lease(answers_, "a");
  int woken = 0;
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(Begin("a"), Turn::kWait);
    answers_.Await("a", [&woken] { ++woken; });
  }
  EXPECT_EQ(woken, 0);
  lease.Finish(Answered(200), kStart);
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(Begin("a"), Turn::kReplay);
}

TEST_F(IdempotentAnswersTest, AWaitingOneTakesOverWhenTheFirstIsGone) {
  int woken = 0;
  {
    ASSERT_EQ(Begin("a"), Turn::kRun);
    const Lease lease(answers_, "a");
    ASSERT_EQ(Begin("a"), Turn::kWait);
    answers_.Await("a", [&woken] { ++woken; });
  }
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(Begin("a"), Turn::kRun);
}

TEST_F(IdempotentAnswersTest, WhatAnotherTryMayMendIsNotKept) {
  for (const int status : {408, 429, 500, 503, 504, 507}) {
    const std::string key = std::to_string(status);
    Run(key, Answered(status));
    EXPECT_EQ(Begin(key), Turn::kRun) << status;
  }
  for (const int status : {200, 400, 404, 413, 415, 422}) {
    const std::string key = std::to_string(status);
    Run(key, Answered(status));
    EXPECT_EQ(Begin(key), Turn::kReplay) << status;
  }
}

TEST_F(IdempotentAnswersTest, AnAnswerIsForgottenAfterItsTime) {
  Run("a", Answered(200));
  EXPECT_EQ(Begin("a", "cat", kLifetime - Duration(1)), Turn::kReplay);
  EXPECT_EQ(Begin("a", "dog", kLifetime), Turn::kRun);
}

TEST_F(IdempotentAnswersTest, TheOldestGoesWhereThereIsNoRoom) {
  for (int i = 0; i < 100; ++i) {
    Run(std::to_string(i), Answered(200, std::string(500, 'x')));
    EXPECT_LE(answers_.bytes(), 4096U);
  }
  EXPECT_EQ(Begin("99"), Turn::kReplay);
  EXPECT_EQ(Begin("0"), Turn::kRun);
  Run("large", Answered(200, std::string(5000, 'x')));
  EXPECT_EQ(Begin("large"), Turn::kRun) << "larger than all the room there is";
  EXPECT_EQ(Begin("99"), Turn::kReplay) << "and nothing had to go for it";
}

TEST_F(IdempotentAnswersTest, NothingIsLeftOfWhatHasExpired) {
  for (int i = 0; i < 3; ++i) Run(std::to_string(i), Answered(200));
  EXPECT_GT(answers_.bytes(), 0U);
  ASSERT_EQ(Begin("new", "cat", kLifetime), Turn::kRun);
  EXPECT_EQ(answers_.bytes(), 0U);
}

TEST(IdempotencyKey, IsVisibleAndNotTooLong) {
  EXPECT_TRUE(CheckIdempotencyKey("8e03978e-40d5-43dd-bc93-6894a57f9324"));
  EXPECT_TRUE(CheckIdempotencyKey("\"quoted\""));
  EXPECT_TRUE(CheckIdempotencyKey(std::string(255, 'k')));
  EXPECT_FALSE(CheckIdempotencyKey(std::string(256, 'k')));
  EXPECT_FALSE(CheckIdempotencyKey("two words"));
  EXPECT_FALSE(CheckIdempotencyKey("caf\xc3\xa9"));
}

}  // namespace
}  // namespace holdfast
