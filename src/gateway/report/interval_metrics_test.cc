// SPDX-License-Identifier: Apache-2.0
#include "gateway/report/interval_metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

namespace holdfast {
namespace {

using std::chrono::milliseconds;

std::optional<std::vector<double>> Values(const EmbeddedMetrics& line, std::string_view name) {
  const auto found = std::ranges::find_if(
      line.metrics, [name](const EmbeddedMetrics::Metric& metric) { return metric.name == name; });
  if (found == line.metrics.end()) return std::nullopt;
  return found->values;
}

double Value(const EmbeddedMetrics& line, std::string_view name) {
  return Values(line, name).value_or(std::vector<double>{-1}).at(0);
}

TEST(IntervalMetricsTest, CountsAnIntervalAndBeginsTheNext) {
  IntervalMetrics metrics;
  for (int i = 0; i < 3; ++i) metrics.RequestAccepted();
  metrics.RequestAnswered();
  metrics.RequestAbandoned();
  metrics.RequestsLost(2);
  metrics.ItemRescued();
  const auto first = metrics.Take({.service = "shop", .unix_ms = 7, .queued = 4});
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].name_space, "Holdfast");
  EXPECT_EQ(first[0].unix_ms, 7);
  EXPECT_EQ(Value(first[0], "Requests"), 3);
  EXPECT_EQ(Value(first[0], "Answered"), 1);
  EXPECT_EQ(Value(first[0], "Abandoned"), 1);
  EXPECT_EQ(Value(first[0], "Lost"), 2);
  EXPECT_EQ(Value(first[0], "Rescues"), 1);
  EXPECT_EQ(Value(first[0], "QueueDepth"), 4);
  const auto second = metrics.Take({.service = "shop"});
  for (const char* name : {"Requests", "Answered", "Abandoned", "Lost", "Rescues"}) {
    EXPECT_EQ(Value(second.at(0), name), 0) << name;
  }
}

TEST(IntervalMetricsTest, TellsRefusalsFromFailures) {
  IntervalMetrics metrics;
  for (const int status : {200, 200, 400, 429, 503, 500, 504, 499}) {
    metrics.InferenceEnded("tiny", status, milliseconds(status == 200 ? 5 : 900));
  }
  metrics.InferenceEnded("", 404, milliseconds(1));
  const auto lines = metrics.Take({.service = "shop"});
  ASSERT_EQ(lines.size(), 2U);
  for (const EmbeddedMetrics& line : lines) {
    EXPECT_EQ(Value(line, "Rejected"), 2);
    EXPECT_EQ(Value(line, "Failed"), 2);
    EXPECT_EQ(Values(line, "LatencyMs"), (std::vector<double>{5, 5}));
  }
  EXPECT_EQ(Value(lines[1], "Requests"), 8);
}

TEST(IntervalMetricsTest, HasNoDimensionsButServiceAndModel) {
  IntervalMetrics metrics;
  metrics.ItemServed("tiny", milliseconds(3), milliseconds(9));
  const auto lines = metrics.Take({.service = "shop"});
  ASSERT_EQ(lines.size(), 2U);
  using Dimensions = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(lines[0].dimensions, (Dimensions{{"Service", "shop"}}));
  EXPECT_EQ(lines[1].dimensions, (Dimensions{{"Service", "shop"}, {"Model", "tiny"}}));
  EXPECT_EQ(Values(lines[1], "QueueWaitMs"), (std::vector<double>{3}));
  EXPECT_EQ(Values(lines[1], "InferMs"), (std::vector<double>{9}));
}

TEST(IntervalMetricsTest, SaysWhyWorkersEnded) {
  IntervalMetrics metrics;
  for (const DeathCause cause :
       {DeathCause::kSignalled, DeathCause::kExited, DeathCause::kHung, DeathCause::kOutOfMemory,
        DeathCause::kKilledFromOutside, DeathCause::kInvalidOutput, DeathCause::kDrained,
        DeathCause::kOutgrown, DeathCause::kUnloaded, DeathCause::kGatewayGone}) {
    metrics.WorkerExited(cause);
  }
  const auto lines = metrics.Take({});
  EXPECT_EQ(Value(lines[0], "WorkerExits"), 6) << "the four that we ended are no failures";
  EXPECT_EQ(Value(lines[0], "WorkerCrashes"), 2);
  EXPECT_EQ(Value(lines[0], "WorkerHangs"), 1);
  EXPECT_EQ(Value(lines[0], "WorkerOutOfMemory"), 1);
  EXPECT_EQ(Value(lines[0], "WorkerKills"), 1);
}

TEST(IntervalMetricsTest, BusyIsAShareOfTheWorkersTime) {
  IntervalMetrics metrics;
  EXPECT_FALSE(Values(metrics.Take({}).at(0), "BusyWorkerRatio").has_value())
      << "without workers there is no ratio";
  EXPECT_EQ(Value(metrics.Take({.busy_seconds = 5, .ready_seconds = 20}).at(0), "BusyWorkerRatio"),
            0.25);
  EXPECT_EQ(Value(metrics.Take({.busy_seconds = 15, .ready_seconds = 40}).at(0), "BusyWorkerRatio"),
            0.5);
}

TEST(IntervalMetricsTest, StaysWithinTheFormatsLimitsAndOurPipes) {
  IntervalMetrics metrics;
  for (int i = 0; i < 1'000; ++i) {
    const std::string model = "model-" + std::to_string(i);
    metrics.InferenceEnded(i % 2 == 0 ? "model-0" : model, 200, milliseconds(54'321));
    metrics.ItemServed("model-0", std::chrono::microseconds(12'345'678 + i), milliseconds(54'321));
  }
  const auto lines = metrics.Take({.service = std::string(250, 's'), .unix_ms = 1'763'800'000'123});
  EXPECT_EQ(lines.size(), 51U) << "clients that choose models' names must not choose our bill";
  for (const EmbeddedMetrics& line : lines) {
    std::set<std::string> names;
    for (const EmbeddedMetrics::Metric& metric : line.metrics) {
      EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
      EXPECT_LE(metric.values.size(), 100U);
    }
    // What a line of the supervisor's pipe may have.
    EXPECT_LT(FormatEmbeddedMetrics(line).size(), 4096U);
  }
}

}  // namespace
}  // namespace holdfast
