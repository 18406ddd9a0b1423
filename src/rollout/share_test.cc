// SPDX-License-Identifier: Apache-2.0
#include "rollout/share.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

int CountOf(double percent, std::string_view salt = "m/2") {
  int count = 0;
  for (int i = 0; i < 10'000; ++i) count += InShare("request-" + std::to_string(i), salt, percent);
  return count;
}

TEST(ShareTest, IsAsLargeAsAskedForIdsThatLookAlike) {
  EXPECT_EQ(CountOf(0), 0);
  EXPECT_EQ(CountOf(100), 10'000);
  EXPECT_NEAR(CountOf(10), 1'000, 120);
  EXPECT_NEAR(CountOf(0.5), 50, 28);
}

TEST(ShareTest, ARequestGoesTheSameWayAgain) {
  for (int i = 0; i < 100; ++i) {
    const std::string id = std::to_string(i);
    EXPECT_EQ(InShare(id, "m/2", 50), InShare(id, "m/2", 50));
    EXPECT_LE(InShare(id, "m/2", 10), InShare(id, "m/2", 20)) << "a larger share has it, too";
  }
}

TEST(ShareTest, VersionsGetDifferentRequests) {
  int both = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = std::to_string(i);
    both += InShare(id, "m/2", 10) && InShare(id, "m/3", 10);
  }
  EXPECT_NEAR(both, 100, 40);
}

}  // namespace
}  // namespace holdfast
