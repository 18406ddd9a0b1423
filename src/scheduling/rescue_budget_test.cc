// SPDX-License-Identifier: Apache-2.0
#include "scheduling/rescue_budget.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours(1)};

int TakeAll(RescueBudget& budget, TimePoint now) {
  int taken = 0;
  while (budget.Take(now)) ++taken;
  return taken;
}

TEST(RescueBudget, AllowsItsBurstInAWindow) {
  RescueBudget budget({.burst = 20, .share = 0.0});
  EXPECT_EQ(TakeAll(budget, kStart), 20);
  EXPECT_EQ(TakeAll(budget, kStart + seconds(9)), 0);
  EXPECT_EQ(TakeAll(budget, kStart + seconds(10)), 20);
}

TEST(RescueBudget, AllowsAShareOfTheRecentItems) {
  RescueBudget budget({.burst = 2, .share = 0.10});
  for (int i = 0; i < 59; ++i) budget.CountItem(kStart);
  EXPECT_EQ(TakeAll(budget, kStart), 2 + 5);
  budget.CountItem(kStart);
  EXPECT_EQ(TakeAll(budget, kStart), 1);
}

TEST(RescueBudget, ForgetsItemsThatAreNotRecent) {
  RescueBudget budget({.burst = 0, .share = 1.0});
  for (int i = 0; i < 10; ++i) budget.CountItem(kStart);
  EXPECT_FALSE(budget.Take(kStart + seconds(10)));
}

TEST(RescueBudget, NeverAllowsMoreThanItsBurstInNineTenthsOfTheWindow) {
  RescueBudget budget({.burst = 20, .share = 0.0});
  std::deque<TimePoint> taken;
  for (int i = 0; i < 10'000; ++i) {
    const TimePoint now = kStart + i * milliseconds(37);
    if (budget.Take(now)) taken.push_back(now);
    while (!taken.empty() && now - taken.front() >= seconds(9)) taken.pop_front();
    ASSERT_LE(taken.size(), 20u);
  }
}

}  // namespace
}  // namespace holdfast
