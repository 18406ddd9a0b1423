// SPDX-License-Identifier: Apache-2.0
#include "scheduling/quarantine.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

using std::chrono::minutes;

constexpr TimePoint kStart{std::chrono::hours(1)};

TEST(Quarantine, HoldsADigestForItsPeriod) {
  Quarantine quarantine({.period = minutes(10)});
  EXPECT_TRUE(quarantine.Empty(kStart));
  quarantine.Add("a", kStart);
  EXPECT_TRUE(quarantine.Contains("a", kStart + minutes(10) - Duration(1)));
  EXPECT_FALSE(quarantine.Contains("b", kStart));
  EXPECT_FALSE(quarantine.Contains("a", kStart + minutes(10)));
  EXPECT_TRUE(quarantine.Empty(kStart + minutes(10)));
}

TEST(Quarantine, LetsTheOldestGoWhenItIsFull) {
  Quarantine quarantine({.entries_max = 2});
  quarantine.Add("a", kStart);
  quarantine.Add("b", kStart);
  quarantine.Add("c", kStart);
  EXPECT_EQ(quarantine.size(), 2u);
  EXPECT_FALSE(quarantine.Contains("a", kStart));
  EXPECT_TRUE(quarantine.Contains("b", kStart));
  EXPECT_TRUE(quarantine.Contains("c", kStart));
}

TEST(Quarantine, DoesNotProlongWhatItHolds) {
  Quarantine quarantine({.period = minutes(10)});
  quarantine.Add("a", kStart);
  quarantine.Add("a", kStart + minutes(5));
  EXPECT_EQ(quarantine.size(), 1u);
  EXPECT_FALSE(quarantine.Contains("a", kStart + minutes(10)));
  quarantine.Add("a", kStart + minutes(10));
  EXPECT_TRUE(quarantine.Contains("a", kStart + minutes(19)));
}

}  // namespace
}  // namespace holdfast
