// SPDX-License-Identifier: Apache-2.0
#include "gateway/endpoints.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "gateway/http/routes.h"
#include "testing/inference_fixture.h"

namespace holdfast {
namespace {

class EndpointsTest : public InferenceFixture {
 protected:
  HttpAnswer Get(Endpoint endpoint, std::optional<std::string> model = std::nullopt,
                 std::optional<std::int64_t> version = std::nullopt) {
    ServerState state{options_, servables_, *service_, metrics_, log_,
                      journal_, orders_,    rollouts_, turns_};
    state.draining = draining_;
    state.connections = 7;
    return AnswerAtOnce(
        state, {.endpoint = endpoint, .model = std::move(model), .version = version}, "the-id");
  }
  static bool Has(const HttpAnswer& answer, const std::string& words) {
    return answer.body.find(words) != std::string::npos;
  }

  bool draining_ = false;
  ModelOrders orders_{[](ModelOrder, std::uint64_t, const std::string&) { return Status(); }};
  RequestJournal journal_{{}, metrics_, log_};
  Rollouts rollouts_{*service_, servables_, metrics_, log_,
                     [](ModelOrder, const RolloutEndOrder&) { return Status(); }};
  PipelineTurns turns_{loop_};
};

TEST_F(EndpointsTest, ReadinessSaysWhyNot) {
  HttpAnswer answer = Get(Endpoint::kReady);
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(Has(answer, "NOT_READY")) << answer.body;
  Announce();
  answer = Get(Endpoint::kPing);
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(Has(answer, "NO_WORKER")) << answer.body;
  const auto worker = ReadyWorker(0);
  EXPECT_EQ(Get(Endpoint::kReady).status, 200);
  EXPECT_EQ(Get(Endpoint::kPing).status, 200);
  draining_ = true;
  answer = Get(Endpoint::kReady);
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(Has(answer, "DRAINING")) << answer.body;
}

TEST_F(EndpointsTest, LivenessIsOnlyThat) {
  EXPECT_EQ(Get(Endpoint::kLive).status, 200);
  draining_ = true;
  EXPECT_EQ(Get(Endpoint::kLive).status, 200);
}

TEST_F(EndpointsTest, DeathsTellTheNewestFirst) {
  Announce();
  EXPECT_EQ(Get(Endpoint::kDeaths).body, "{\"deaths\":[]}\n");
  for (std::uint32_t slot = 0; slot < 2; ++slot) {
    service_->WorkerDied({slot}, {3}, kServable, DeathCause::kSignalled,
                         {.pid = 77, .exit = "signal 11", .last_words = "say \"no\""});
  }
  const HttpAnswer answer = Get(Endpoint::kDeaths);
  EXPECT_LT(answer.body.find("\"slot\":1"), answer.body.find("\"slot\":0")) << answer.body;
  EXPECT_TRUE(Has(answer, "\"cause\":\"signal\",\"exit\":\"signal 11\"")) << answer.body;
  EXPECT_TRUE(Has(answer, "\"last_words\":\"say \\\"no\\\"\"}")) << answer.body;
}

TEST_F(EndpointsTest, OnlySoManyDeathsAreKept) {
  Announce();
  for (std::size_t i = 0; i < DeathLog::kDeathsMax + 5; ++i) {
    service_->WorkerDied({0}, {1}, kServable, DeathCause::kExited, {});
  }
  EXPECT_EQ(service_->deaths().deaths().size(), DeathLog::kDeathsMax);
}

TEST_F(EndpointsTest, QuarantineIsListedAndCleared) {
  EXPECT_EQ(Get(Endpoint::kQuarantine).body, "{\"quarantined\":[]}\n");
  service_->quarantine().Add("tiny", "abc", Now());
  EXPECT_EQ(Get(Endpoint::kQuarantine).body,
            "{\"quarantined\":[{\"model\":\"tiny\",\"digest\":\"abc\",\"expires_in_s\":600}]}\n");
  ServerState state{options_, servables_, *service_, metrics_, log_,
                    journal_, orders_,    rollouts_, turns_};
  EXPECT_EQ(
      AnswerAtOnce(state, {.endpoint = Endpoint::kQuarantine, .deletes = true}, "the-id").body,
      "{\"cleared\":1}\n");
  EXPECT_EQ(Get(Endpoint::kQuarantine).body, "{\"quarantined\":[]}\n");
}

TEST_F(EndpointsTest, ARolloutTellsItsNumbers) {
  Announce();
  EXPECT_EQ(Get(Endpoint::kModelRollout, "tiny").body, "{}\n");
  ServableList list;
  list.rollouts["tiny"] = {.version = 2, .rule = {.kind = RolloutKind::kShadow, .percent = 0.5}};
  servables_.Update(list);
  rollouts_.Follow(Now());
  EXPECT_EQ(Get(Endpoint::kModelRollout, "tiny").body,
            "{\"version\":\"2\",\"kind\":\"shadow\",\"percent\":0.5,\"compared\":0,\"disagreed\":0,"
            "\"new\":{\"requests\":0,\"errors\":0,\"invalid_outputs\":0,\"median_ms\":0.0,"
            "\"p99_ms\":0.0},\"current\":{\"requests\":0,\"errors\":0,\"invalid_outputs\":0,"
            "\"median_ms\":0.0,\"p99_ms\":0.0}}\n");
}

TEST_F(EndpointsTest, MetricsTellTheLevels) {
  Announce();
  const auto worker = ReadyWorker(0);
  const auto request = Submit(Image("cat"), Image("dog"));
  const HttpAnswer answer = Get(Endpoint::kMetrics);
  EXPECT_EQ(answer.content_type, "text/plain; version=0.0.4");
  for (const char* line : {"\nholdfast_connections 7\n", "\nholdfast_ready 1\n",
                           "\nholdfast_workers_ready 1\n", "\nholdfast_queue_items 1\n",
                           "\nholdfast_running_items 1\n", "\nholdfast_held_bytes 6\n"}) {
    EXPECT_TRUE(Has(answer, line)) << line;
  }
}

TEST_F(EndpointsTest, AModelsStatusAndMetadata) {
  EXPECT_EQ(Get(Endpoint::kModelStatus, "tiny").status, 503) << "it may still be loading";
  Announce();
  EXPECT_TRUE(Has(Get(Endpoint::kModelStatus, "tiny"), "AVAILABLE"));
  EXPECT_TRUE(Has(Get(Endpoint::kModelStatus, "tiny", 1), "AVAILABLE"));
  EXPECT_EQ(Get(Endpoint::kModelStatus, "tiny", 2).status, 404);
  EXPECT_EQ(Get(Endpoint::kModelStatus, "huge").status, 404);
  EXPECT_TRUE(Has(Get(Endpoint::kModelMetadata, "tiny"), "DT_FLOAT"));
  service_->ServableFailed(kServable);
  EXPECT_TRUE(Has(Get(Endpoint::kModelStatus, "tiny"), "END"));
}

TEST_F(EndpointsTest, TheRepositoryIndexHasTritonsShape) {
  Announce();
  EXPECT_EQ(Get(Endpoint::kRepositoryIndex).body,
            "[{\"name\":\"tiny\",\"version\":\"1\",\"state\":\"READY\",\"reason\":\"\","
            "\"labels\":[]}]\n");
  service_->ServableFailed(kServable);
  EXPECT_TRUE(Has(Get(Endpoint::kRepositoryIndex), "UNAVAILABLE"));
}

TEST_F(EndpointsTest, TheRootSaysWhereToGo) { EXPECT_TRUE(Has(Get(Endpoint::kRoot), "/classify")); }

TEST_F(EndpointsTest, WhatNeedsAWorkerIsNotAnsweredAtOnce) {
  EXPECT_EQ(Get(Endpoint::kClassify).status, 500);
}

TEST(EndpointName, IsOneOfItsOwnForEachEndpoint) {
  std::set<std::string_view> names;
  std::set<Endpoint> endpoints;
  for (const EndpointPath& path : EndpointPaths()) {
    endpoints.insert(path.endpoint);
    names.insert(EndpointName(path.endpoint));
  }
  EXPECT_EQ(names.size(), endpoints.size());
  EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace holdfast
