// SPDX-License-Identifier: Apache-2.0
#include "sizing/waiting_time.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace holdfast {
namespace {

// The 99th percentile of the waiting times of a simulated queue.
double SimulatedWait(const Queue& queue, unsigned seed) {
  constexpr int kArrivals = 400'000;
  std::mt19937_64 random(seed);
  std::vector<double> free_at(queue.servers, 0);
  std::vector<double> waits;
  double now = 0;
  for (int i = 0; i < kArrivals; ++i) {
    // The distributions of the standard library differ between libraries; this one does not.
    const double uniform = (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53;
    now -= std::log(uniform) / queue.arrivals_per_s;
    const auto server = std::ranges::min_element(free_at);
    const double begin = std::max(now, *server);
    *server = begin + queue.service_s;
    waits.push_back(begin - now);
  }
  const auto at = waits.begin() + kArrivals * 99 / 100;
  std::ranges::nth_element(waits, at);
  return *at;
}

TEST(WaitingTime, IsThatOfASimulationOrSomewhatAbove) {
  unsigned seed = 1;
  for (const std::uint32_t servers : {1u, 2u, 4u, 8u, 32u}) {
    for (const double utilisation : {0.3, 0.5, 0.7, 0.8, 0.9}) {
      const Queue queue{
          .servers = servers, .service_s = 0.1, .arrivals_per_s = utilisation * servers / 0.1};
      const double simulated = SimulatedWait(queue, seed++);
      const double predicted = WaitExceededBy(0.01, queue);
      // The simulation's own error grows with the length of the queue.
      const double error = 0.03 * simulated;
      EXPECT_GE(predicted, simulated - error) << servers << " at " << utilisation;
      EXPECT_LT(predicted, simulated + error + queue.service_s / 2)
          << servers << " at " << utilisation;
    }
  }
}

TEST(WaitingTime, IsNoneWithoutArrivalsAndInfiniteWithTooMany) {
  EXPECT_EQ(WaitExceededBy(0.01, {.servers = 2, .service_s = 0.1, .arrivals_per_s = 0}), 0);
  EXPECT_TRUE(
      std::isinf(WaitExceededBy(0.01, {.servers = 2, .service_s = 0.1, .arrivals_per_s = 20})));
}

// Of the tables of telephony: 2 servers, 1 Erlang; 10 servers, 7 Erlang.
TEST(ErlangC, IsThatOfTheTables) {
  EXPECT_NEAR(ErlangC(2, 1), 1.0 / 3, 1e-9);
  EXPECT_NEAR(ErlangC(10, 7), 0.2217, 1e-3);
  EXPECT_EQ(ErlangC(3, 3), 1);
}

}  // namespace
}  // namespace holdfast
