// SPDX-License-Identifier: Apache-2.0
#include "gateway/metrics.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

class MetricsTest : public testing::Test {
 protected:
  bool Shows(const std::string& line) {
    return metrics_.Render({}).find('\n' + line + '\n') != std::string::npos;
  }
  Metrics metrics_;
};

TEST_F(MetricsTest, EveryAcceptedRequestIsAccountedFor) {
  for (int i = 0; i < 5; ++i) metrics_.RequestAccepted();
  metrics_.RequestAnswered();
  metrics_.RequestAnswered();
  metrics_.RequestAbandoned();
  EXPECT_EQ(metrics_.in_flight(), 2u);
  EXPECT_TRUE(Shows("holdfast_requests_accepted_total 5"));
  EXPECT_TRUE(Shows("holdfast_requests_answered_total 2"));
  EXPECT_TRUE(Shows("holdfast_requests_abandoned_total 1"));
  EXPECT_TRUE(Shows("holdfast_requests_in_flight 2"));
  EXPECT_TRUE(Shows("holdfast_requests_unaccounted 0"));
}

TEST_F(MetricsTest, CountByTheWordsOfTheTables) {
  metrics_.ResponseSent("/classify", 200, std::chrono::milliseconds(3));
  metrics_.ResponseSent("/classify", 200, std::chrono::milliseconds(30));
  metrics_.Refused(Reason::kOverloaded);
  metrics_.WorkerExited("tiny/1", DeathCause::kOutOfMemory);
  metrics_.InvalidOutput("tiny/1");
  metrics_.ItemRescued();
  metrics_.HostSlept();
  metrics_.Quarantined();
  EXPECT_TRUE(Shows("holdfast_responses_total{code=\"200\",endpoint=\"/classify\"} 2"));
  EXPECT_TRUE(Shows("holdfast_request_seconds_bucket{endpoint=\"/classify\",le=\"0.005\"} 1"));
  EXPECT_TRUE(Shows("holdfast_request_seconds_count{endpoint=\"/classify\"} 2"));
  EXPECT_TRUE(Shows("holdfast_refused_total{reason=\"" +
                    std::string(Describe(Reason::kOverloaded).word) + "\"} 1"));
  EXPECT_TRUE(Shows("holdfast_worker_exits_total{cause=\"" +
                    std::string(DeathCauseWord(DeathCause::kOutOfMemory)) +
                    "\",model=\"tiny/1\"} 1"));
  EXPECT_TRUE(Shows("holdfast_invalid_outputs_total{model=\"tiny/1\"} 1"));
  EXPECT_TRUE(Shows("holdfast_items_rescued_total 1"));
  EXPECT_TRUE(Shows("holdfast_host_slept_total 1"));
  EXPECT_TRUE(Shows("holdfast_quarantined_total 1"));
}

TEST_F(MetricsTest, TellAnItemsTimeByStage) {
  metrics_.ItemServed({"tiny", 1}, std::chrono::milliseconds(20), 700, 9'000);
  const auto bucket = [](const char* stage, const char* bound) {
    return std::string("holdfast_item_stage_seconds_bucket{model=\"tiny/1\",stage=\"") + stage +
           "\",le=\"" + bound + "\"} 1";
  };
  EXPECT_TRUE(Shows(bucket("queue", "0.025")));
  EXPECT_FALSE(Shows(bucket("queue", "0.01")));
  EXPECT_TRUE(Shows(bucket("preprocess", "0.001")));
  EXPECT_TRUE(Shows(bucket("infer", "0.01")));
  EXPECT_FALSE(Shows(bucket("infer", "0.005")));
}

TEST_F(MetricsTest, NameTheBuild) {
  EXPECT_NE(metrics_.Render({}).find("\nholdfast_build_info{build="), std::string::npos);
}

}  // namespace
}  // namespace holdfast
