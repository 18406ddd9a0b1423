// SPDX-License-Identifier: Apache-2.0
#include "rollout/time_quantiles.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

using std::chrono::milliseconds;

TEST(TimeQuantilesTest, KnowsQuantilesToTwoPerCent) {
  TimeQuantiles times;
  for (int i = 1; i <= 1000; ++i) times.Add(milliseconds(i));
  EXPECT_NEAR(Milliseconds(times.Quantile(0.5)), 500, 10);
  EXPECT_NEAR(Milliseconds(times.Quantile(0.99)), 990, 20);
  EXPECT_EQ(TimeQuantiles().Quantile(0.5), Duration::zero());
}

TEST(TimeQuantilesTest, TheBoundsHoldTheTrueQuantile) {
  TimeQuantiles times;
  for (int i = 1; i <= 1000; ++i) times.Add(milliseconds(i));
  // 500 ± 4 × √(1000 × ¼) of them.
  EXPECT_NEAR(Milliseconds(times.Low(0.5, 4)), 437, 10);
  EXPECT_NEAR(Milliseconds(times.High(0.5, 4)), 563, 14);
}

TEST(TimeQuantilesTest, FewTimesBoundNothing) {
  TimeQuantiles times;
  for (int i = 0; i < 10; ++i) times.Add(milliseconds(5));
  EXPECT_EQ(times.Low(0.5, 4), Duration::zero());
  EXPECT_EQ(times.High(0.5, 4), TimeQuantiles::kUnbounded);
  EXPECT_EQ(times.High(0.99, 4), TimeQuantiles::kUnbounded);
}

TEST(TimeQuantilesTest, TakesWhatIsBeyondItsRange) {
  TimeQuantiles times;
  times.Add(Duration::zero());
  times.Add(std::chrono::hours(5));
  EXPECT_EQ(times.count(), 2u);
  EXPECT_LT(times.Quantile(0), milliseconds(1));
  EXPECT_GT(times.Quantile(1), std::chrono::minutes(5));
}

}  // namespace
}  // namespace holdfast
