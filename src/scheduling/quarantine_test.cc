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
  quarantine.Add("m", "a", kStart);
  EXPECT_TRUE(quarantine.Contains("m", "a", kStart + minutes(10) - Duration(1)));
  EXPECT_FALSE(quarantine.Contains("m", "b", kStart));
  EXPECT_FALSE(quarantine.Contains("m", "a", kStart + minutes(10)));
  EXPECT_TRUE(quarantine.Empty(kStart + minutes(10)));
}

TEST(Quarantine, IsEachModelsOwn) {
  Quarantine quarantine({});
  quarantine.Add("cats", "a", kStart);
  EXPECT_TRUE(quarantine.Contains("cats", "a", kStart));
  EXPECT_FALSE(quarantine.Contains("dogs", "a", kStart));
  quarantine.Add("dogs", "a", kStart);
  ASSERT_EQ(quarantine.List(kStart).size(), 2u);
  EXPECT_EQ(quarantine.List(kStart)[1].model, "dogs");
}

TEST(Quarantine, LetsTheOldestGoWhenItIsFull) {
  Quarantine quarantine({.entries_max = 2});
  quarantine.Add("m", "a", kStart);
  quarantine.Add("m", "b", kStart);
  quarantine.Add("m", "c", kStart);
  EXPECT_EQ(quarantine.size(), 2u);
  EXPECT_FALSE(quarantine.Contains("m", "a", kStart));
  EXPECT_TRUE(quarantine.Contains("m", "b", kStart));
  EXPECT_TRUE(quarantine.Contains("m", "c", kStart));
}

TEST(Quarantine, DoesNotProlongWhatItHolds) {
  Quarantine quarantine({.period = minutes(10)});
  quarantine.Add("m", "a", kStart);
  quarantine.Add("m", "a", kStart + minutes(5));
  EXPECT_EQ(quarantine.size(), 1u);
  EXPECT_FALSE(quarantine.Contains("m", "a", kStart + minutes(10)));
  quarantine.Add("m", "a", kStart + minutes(10));
  EXPECT_TRUE(quarantine.Contains("m", "a", kStart + minutes(19)));
}

}  // namespace
}  // namespace holdfast
