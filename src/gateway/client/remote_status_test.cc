// SPDX-License-Identifier: Apache-2.0
#include "gateway/client/remote_status.h"

#include <gtest/gtest.h>

#include <cmath>

namespace holdfast {
namespace {

RemoteStatus At(std::uint64_t unix_ms, std::uint64_t answered, std::vector<std::uint64_t> counts) {
  RemoteStatus status;
  status.unix_ms = unix_ms;
  status.uptime_ms = unix_ms;
  status.answered = answered;
  status.latency_bounds_ms = {10, 20, 40};
  status.latency_counts = std::move(counts);
  return status;
}

TEST(StatusChangeTest, IsWhatHappenedInBetween) {
  RemoteStatus earlier = At(1'000, 100, {100, 0, 0, 0});
  RemoteStatus later = At(3'000, 110, {100, 8, 2, 0});
  later.refused = 4;
  earlier.busy_ms = 500;
  later.busy_ms = 1'500;
  later.ready_ms = 4'000;
  const auto change = Between(earlier, later);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->answered_per_s, 5);
  EXPECT_EQ(change->refused_per_s, 2);
  EXPECT_EQ(change->p50_ms, 10 + 10 * 5.0 / 8);
  EXPECT_NEAR(change->p99_ms.value(), 39, 0.001);
  EXPECT_EQ(change->busy, 0.25);
}

TEST(StatusChangeTest, HasNoLatencyWithoutRequestsAndNoneAboveTheLastBound) {
  const auto idle = Between(At(1'000, 1, {1, 0, 0, 0}), At(2'000, 1, {1, 0, 0, 0}));
  ASSERT_TRUE(idle);
  EXPECT_FALSE(idle->p50_ms);
  EXPECT_FALSE(idle->busy);
  const auto slow = Between(At(1'000, 1, {1, 0, 0, 0}), At(2'000, 2, {1, 0, 0, 1}));
  EXPECT_TRUE(std::isinf(slow->p99_ms.value()));
}

TEST(StatusChangeTest, CountsAReplacedGatewayFromZero) {
  RemoteStatus later = At(5'000, 20, {20, 0, 0, 0});
  later.uptime_ms = 2'000;
  const auto change = Between(At(4'000, 100, {100, 0, 0, 0}), later);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->answered_per_s, 10);
}

TEST(StatusChangeTest, WantsALaterLook) {
  EXPECT_FALSE(Between(At(4'000, 1, {1, 0, 0, 0}), At(4'000, 1, {1, 0, 0, 0})));
}

TEST(ParseStatusTest, RefusesWhatNoServerOfOursWrites) {
  for (const char* text : {"", "{}", "[]", R"({"requests":{},"queue":{}})"}) {
    EXPECT_FALSE(ParseStatus(text)) << text;
  }
}

}  // namespace
}  // namespace holdfast
