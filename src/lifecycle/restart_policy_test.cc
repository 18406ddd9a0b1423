// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/restart_policy.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours(1)};

TEST(RestartPolicy, DoublesTheDelayWithEachFailure) {
  RestartPolicy policy({.failures_max = 4, .jitter = 0.0}, 1);
  EXPECT_EQ(policy.Failed(kStart), kStart + milliseconds(100));
  EXPECT_EQ(policy.Failed(kStart), kStart + milliseconds(200));
  EXPECT_EQ(policy.Failed(kStart), kStart + milliseconds(400));
  EXPECT_EQ(policy.Failed(kStart), kStart + milliseconds(800));
}

TEST(RestartPolicy, NeverWaitsLongerThanItsLimit) {
  RestartPolicy policy({.failures_max = 100, .jitter = 0.0}, 1);
  Duration longest{0};
  for (int i = 0; i < 100; ++i) longest = std::max(longest, policy.Failed(kStart) - kStart);
  EXPECT_EQ(longest, seconds(10));
}

TEST(RestartPolicy, SpreadsItsDelaysByTheJitter) {
  RestartPolicy policy({.failures_max = 1'000'000, .first_delay = seconds(10), .jitter = 0.10}, 7);
  Duration least = Duration::max();
  Duration most{0};
  for (int i = 0; i < 1000; ++i) {
    const Duration delay = policy.Failed(kStart) - kStart;
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_GE(least, seconds(9));
  EXPECT_LT(least, milliseconds(9100));
  EXPECT_GT(most, milliseconds(10'900));
  EXPECT_LE(most, seconds(11));
}

TEST(RestartPolicy, RepeatsItsDelaysFromTheSameSeed) {
  RestartPolicy one({}, 3);
  RestartPolicy other({}, 3);
  RestartPolicy third({}, 4);
  const TimePoint delay = one.Failed(kStart);
  EXPECT_EQ(delay, other.Failed(kStart));
  EXPECT_NE(delay, third.Failed(kStart));
}

TEST(RestartPolicy, SpendsItsBudgetWithinTheWindow) {
  RestartPolicy policy({.failures_max = 3}, 1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(policy.RemainingBudget(kStart), static_cast<std::size_t>(3 - i));
    EXPECT_NE(policy.Failed(kStart), kNever);
  }
  EXPECT_EQ(policy.RemainingBudget(kStart), 0u);
  EXPECT_EQ(policy.Failed(kStart), kNever);
  EXPECT_EQ(policy.RemainingBudget(kStart), 0u);
}

TEST(RestartPolicy, ForgetsFailuresThatAreOlderThanTheWindow) {
  RestartPolicy policy({.failures_max = 1, .jitter = 0.0}, 1);
  EXPECT_NE(policy.Failed(kStart), kNever);
  const TimePoint later = kStart + seconds(60);
  EXPECT_EQ(policy.Failed(later), later + milliseconds(100));
}

TEST(RestartPolicy, StartsAfreshAfterASuccess) {
  RestartPolicy policy({.failures_max = 1, .jitter = 0.0}, 1);
  policy.Failed(kStart);
  policy.Succeeded();
  EXPECT_EQ(policy.RemainingBudget(kStart), 1u);
  EXPECT_EQ(policy.Failed(kStart), kStart + milliseconds(100));
}

}  // namespace
}  // namespace holdfast
