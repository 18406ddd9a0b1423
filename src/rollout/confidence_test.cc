// SPDX-License-Identifier: Apache-2.0
#include "rollout/confidence.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

// The values of Newcombe's paper (1998), tables I and II, at 95 %.
constexpr double kNinetyFive = 1.959964;

TEST(ConfidenceTest, WilsonsIntervalIsThatOfThePaper) {
  const Interval some = WilsonInterval({81, 263}, kNinetyFive);
  EXPECT_NEAR(some.low, 0.2553, 5e-5);
  EXPECT_NEAR(some.high, 0.3662, 5e-5);
  const Interval none = WilsonInterval({0, 20}, kNinetyFive);
  EXPECT_DOUBLE_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 0.1611, 5e-5);
}

TEST(ConfidenceTest, OfNothingEverythingIsPossible) {
  const Interval nothing = WilsonInterval({0, 0}, 4);
  EXPECT_EQ(nothing.low, 0);
  EXPECT_EQ(nothing.high, 1);
  EXPECT_LE(NewcombeInterval({3, 10}, {0, 0}, 4).low, -0.5);
}

TEST(ConfidenceTest, NewcombesIntervalIsThatOfThePaper) {
  const Interval some = NewcombeInterval({56, 70}, {48, 80}, kNinetyFive);
  EXPECT_NEAR(some.low, 0.0524, 5e-5);
  EXPECT_NEAR(some.high, 0.3339, 5e-5);
  const Interval extreme = NewcombeInterval({10, 10}, {0, 20}, kNinetyFive);
  EXPECT_NEAR(extreme.low, 0.6791, 5e-5);
  EXPECT_NEAR(extreme.high, 1.0, 5e-5);
}

}  // namespace
}  // namespace holdfast
