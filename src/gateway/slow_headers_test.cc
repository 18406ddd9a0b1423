// SPDX-License-Identifier: Apache-2.0
#include "gateway/slow_headers.h"

#include <gtest/gtest.h>

#include <optional>

namespace holdfast {
namespace {

using std::chrono::seconds;

TEST(SlowHeaders, TheLongestWaitingGoFirstAndOnce) {
  const TimePoint start{};
  SlowHeaders headers;
  int old_closed = 0;
  int young_closed = 0;
  std::optional<SlowHeaders::Entry> old;
  old.emplace(headers, start, [&] { ++old_closed; });
  const SlowHeaders::Entry young(headers, start + seconds(2), [&] { ++young_closed; });
  EXPECT_EQ(headers.CloseOlderThan(start), 0U);
  EXPECT_EQ(headers.CloseOlderThan(start + seconds(1)), 1U);
  EXPECT_EQ(headers.CloseOlderThan(start + seconds(1)), 0U) << "it has been told";
  old.reset();
  EXPECT_EQ(headers.CloseOlderThan(start + seconds(3)), 1U);
  EXPECT_EQ(old_closed, 1);
  EXPECT_EQ(young_closed, 1);
}

}  // namespace
}  // namespace holdfast
