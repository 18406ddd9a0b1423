// SPDX-License-Identifier: Apache-2.0
#include "gateway/report/request_tally.h"

#include <gtest/gtest.h>

#include <numeric>

namespace holdfast {
namespace {

using std::chrono::microseconds;

TEST(RequestTallyTest, SortsLatenciesIntoTheirClasses) {
  RequestTally tally;
  for (const int us : {500, 1'000, 1'001, 30'000'000, 31'000'000}) {
    tally.Add(200, Reason::kOk, microseconds(us), 0);
  }
  EXPECT_EQ(tally.answered(), 5U);
  EXPECT_EQ(tally.latencies()[0], 2U) << "a bound belongs to its class";
  EXPECT_EQ(tally.latencies()[1], 1U);
  EXPECT_EQ(tally.latencies()[15], 1U);
  EXPECT_EQ(tally.latencies()[16], 1U) << "above all";
  EXPECT_TRUE(tally.errors().empty());
}

TEST(RequestTallyTest, TellsRefusalsFailuresAndMistakesApart) {
  RequestTally tally;
  tally.Add(503, Reason::kOverloaded, microseconds(1), 10);
  tally.Add(429, Reason::kRateLimited, microseconds(1), 11);
  tally.Add(500, Reason::kInternal, microseconds(1), 12);
  tally.Add(504, Reason::kDeadlineExceeded, microseconds(1), 13);
  tally.Add(404, Reason::kNotFound, microseconds(1), 14);
  tally.Add(503, Reason::kOverloaded, microseconds(1), 15);
  EXPECT_EQ(tally.refused(), 3U);
  EXPECT_EQ(tally.failed(), 2U);
  EXPECT_EQ(tally.mistakes(), 1U);
  EXPECT_EQ(tally.errors().at(Reason::kOverloaded).count, 2U);
  EXPECT_EQ(tally.errors().at(Reason::kOverloaded).last_unix_ms, 15);
  EXPECT_EQ(std::accumulate(tally.latencies().begin(), tally.latencies().end(), 0U), 0U);
}

}  // namespace
}  // namespace holdfast
