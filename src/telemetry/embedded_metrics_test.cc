// SPDX-License-Identifier: Apache-2.0
#include "telemetry/embedded_metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "telemetry/sample.h"

namespace holdfast {
namespace {

TEST(EmbeddedMetricsTest, IsOneObjectThatNamesWhatItHas) {
  const EmbeddedMetrics metrics{
      .name_space = "Holdfast",
      .dimensions = {{"Service", "shop"}, {"Model", "resnet50"}},
      .metrics = {{"Requests", "Count", {12}, false},
                  {"LatencyMs", "Milliseconds", {7.125, 7, 9.87654}, true}},
      .unix_ms = 1'763'800'000'123};
  EXPECT_EQ(FormatEmbeddedMetrics(metrics),
            R"({"_aws":{"Timestamp":1763800000123,"CloudWatchMetrics":[{"Namespace":"Holdfast",)"
            R"("Dimensions":[["Service","Model"]],"Metrics":[{"Name":"Requests","Unit":"Count"},)"
            R"({"Name":"LatencyMs","Unit":"Milliseconds"}]}]},"Service":"shop",)"
            R"("Model":"resnet50","Requests":12,"LatencyMs":[7.125,7,9.876]})");
}

TEST(EmbeddedMetricsTest, LeavesOutWhatIsNoNumber) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::string line = FormatEmbeddedMetrics(
      {.name_space = "Holdfast",
       .dimensions = {{"Service", "a\x01\xff"}},
       .metrics = {{"Ratio", "None", {std::nan("")}, false}, {"Ms", "None", {infinity, 1}, true}},
       .unix_ms = 1});
  EXPECT_EQ(line.find("Ratio"), std::string::npos) << line;
  EXPECT_NE(line.find("\"Ms\":[1]"), std::string::npos) << line;
  EXPECT_NE(line.find("\"Service\":\"a\\u0001\xef\xbf\xbd\""), std::string::npos) << line;
}

TEST(SampleTest, KeepsAllOfFewAndAFairChoiceOfMany) {
  Sample<100> sample;
  for (int i = 0; i < 100; ++i) sample.Add(i);
  EXPECT_EQ(sample.numbers().size(), 100U);
  EXPECT_EQ(sample.numbers().back(), 99);
  for (int i = 100; i < 10'000; ++i) sample.Add(i);
  ASSERT_EQ(sample.numbers().size(), 100U);
  EXPECT_EQ(sample.seen(), 10'000U);
  double sum = 0;
  for (const double number : sample.numbers()) sum += number;
  // The mean of a hundred: 5000, and a deviation of 289.
  EXPECT_NEAR(sum / 100, 5'000, 4 * 289);
}

}  // namespace
}  // namespace holdfast
