// SPDX-License-Identifier: Apache-2.0
#include "gateway/request_journal.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast {
namespace {

class RequestJournalTest : public testing::Test, private LogSink {
 protected:
  RequestJournal Make(RequestJournal::Options options) {
    return {options, metrics_, log_,
            [this](std::vector<Span> spans) { traces_.push_back(std::move(spans)); }};
  }

  static RequestRecord Record(int status, std::uint32_t attempts = 1) {
    RequestRecord record;
    record.kind = RequestRecord::Kind::kInference;
    record.id = "the-request";
    record.endpoint = "/classify";
    record.model = "tiny/1";
    record.trace.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    record.status = status;
    record.attempts = attempts;
    record.Begin(TimePoint(std::chrono::seconds(100)));
    return record;
  }

  static constexpr TimePoint kEnd = TimePoint(std::chrono::milliseconds(100'007));
  Metrics metrics_;
  std::vector<std::string> lines_;
  std::vector<std::vector<Span>> traces_;

 private:
  void WriteLine(std::string_view line) override { lines_.emplace_back(line); }
  Log log_{*this, {.role = "test"}};
};

TEST_F(RequestJournalTest, WritesAllOrNoneOfWhatWentWell) {
  RequestJournal none = Make({.access_log_percent = 0, .trace_percent = 0});
  for (int i = 0; i < 100; ++i) none.Answered(Record(200), kEnd);
  EXPECT_TRUE(lines_.empty());
  EXPECT_TRUE(traces_.empty());
  RequestJournal all = Make({.access_log_percent = 100, .trace_percent = 100});
  for (int i = 0; i < 100; ++i) all.Answered(Record(200), kEnd);
  EXPECT_EQ(lines_.size(), 100U);
  EXPECT_EQ(traces_.size(), 100U);
  for (const char* words :
       {R"("event":"request")", R"("request_id":"the-request")", R"("endpoint":"/classify")",
        R"("trace_id":"4bf92f3577b34da6a3ce929d0e0e4736")", R"("model":"tiny/1")",
        R"("status":200)", R"("reason":"OK")", R"("latency_ms":7.0)"}) {
    EXPECT_NE(lines_[0].find(words), std::string::npos) << words << " in " << lines_[0];
  }
}

TEST_F(RequestJournalTest, WritesASample) {
  RequestJournal journal = Make({.access_log_percent = 10, .trace_percent = 10});
  for (int i = 0; i < 10'000; ++i) journal.Answered(Record(200), kEnd);
  // 1000, and a deviation of 30.
  EXPECT_NEAR(static_cast<double>(lines_.size()), 1'000, 180);
  EXPECT_NEAR(static_cast<double>(traces_.size()), 1'000, 180);
}

TEST_F(RequestJournalTest, AlwaysTellsOfFailuresAndRescues) {
  RequestJournal journal = Make({});
  journal.Answered(Record(504), kEnd);
  journal.Answered(Record(200, 2), kEnd);
  journal.Answered(Record(404), kEnd);
  EXPECT_EQ(lines_.size(), 2U);
  EXPECT_EQ(traces_.size(), 2U);
}

TEST_F(RequestJournalTest, DoesNotDrownInFailures) {
  RequestJournal journal = Make({});
  for (int i = 0; i < 5'000; ++i) journal.Answered(Record(503), kEnd);
  EXPECT_EQ(lines_.size(), 50U);
  journal.Answered(Record(503), kEnd + std::chrono::seconds(1));
  ASSERT_EQ(lines_.size(), 51U);
  EXPECT_NE(lines_.back().find(R"("unlogged":4950)"), std::string::npos) << lines_.back();
}

TEST_F(RequestJournalTest, FollowsTheCallersDecisionToTrace) {
  RequestJournal journal = Make({.trace_percent = 100});
  RequestRecord record = Record(504);
  record.trace.sampled = false;
  journal.Answered(record, kEnd);
  EXPECT_TRUE(traces_.empty());
  RequestJournal never = Make({.trace_percent = 0});
  record = Record(200);
  record.trace.sampled = true;
  never.Answered(record, kEnd);
  EXPECT_EQ(traces_.size(), 1U);
}

TEST_F(RequestJournalTest, SaysNothingOfProbes) {
  RequestJournal journal = Make({.access_log_percent = 100, .trace_percent = 100});
  RequestRecord record = Record(503);
  record.kind = RequestRecord::Kind::kProbe;
  journal.Answered(record, kEnd);
  EXPECT_TRUE(lines_.empty());
  EXPECT_TRUE(traces_.empty());
  EXPECT_NE(metrics_.Render({}).find("holdfast_responses_total{code=\"503\""), std::string::npos);
}

TEST_F(RequestJournalTest, TellsOfClientsThatWentAway) {
  RequestJournal journal = Make({.access_log_percent = 100});
  journal.Abandoned(Record(0), kEnd);
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_NE(lines_[0].find(R"("status":499,"reason":"CLIENT_CLOSED")"), std::string::npos)
      << lines_[0];
}

TEST_F(RequestJournalTest, CountsInferencesByTheModelsName) {
  RequestJournal journal = Make({});
  journal.Answered(Record(200), kEnd);
  const auto lines = metrics_.interval().Take({.service = "shop"});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1].dimensions[1].second, "tiny");
}

}  // namespace
}  // namespace holdfast
