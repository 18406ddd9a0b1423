// SPDX-License-Identifier: Apache-2.0
#include "gateway/pipeline_turns.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <functional>

namespace holdfast {
namespace {

namespace asio = boost::asio;

asio::awaitable<void> TakeTurns(PipelineTurns& turns, int count, int& taken) {
  for (int i = 0; i < count; ++i) {
    co_await turns.Turn();
    ++taken;
  }
}

TEST(PipelineTurns, ManyCrowdOutNobody) {
  asio::io_context loop{1};
  PipelineTurns turns(loop);
  int greedy = 0;
  for (int i = 0; i < 50; ++i) {
    asio::co_spawn(loop, TakeTurns(turns, 100, greedy), asio::detached);
  }
  // Somebody else's handlers, one after the other: between two of them comes one turn, or so.
  int rounds = 0;
  int most_between = 0;
  int before = 0;
  std::function<void()> round = [&] {
    if (rounds > 0) most_between = std::max(most_between, greedy - before);
    before = greedy;
    if (++rounds < 500) asio::post(loop, round);
  };
  asio::post(loop, round);
  loop.run();
  EXPECT_EQ(greedy, 5000) << "all have had their turns";
  EXPECT_LE(most_between, 2);
  EXPECT_EQ(turns.waiting(), 0U);
}

TEST(PipelineTurns, WhoIsAloneDoesNotWait) {
  asio::io_context loop{1};
  PipelineTurns turns(loop);
  int taken = 0;
  asio::co_spawn(loop, TakeTurns(turns, 1, taken), asio::detached);
  loop.run();
  EXPECT_EQ(taken, 1);
}

}  // namespace
}  // namespace holdfast
