// SPDX-License-Identifier: Apache-2.0
#include "os/signals.h"

#include <gtest/gtest.h>

#include <array>
#include <csignal>

#include "testing/forked_child.h"

namespace holdfast {
namespace {

TEST(Signals, AreReadAsTheyHaveCome) {
  EXPECT_EQ(RunInChild([] {
              const auto fd = OpenSignals({SIGTERM, SIGCHLD});
              if (!fd) return 1;
              if (!ReadSignals(fd->get()).empty()) return 2;
              ::raise(SIGTERM);
              ::raise(SIGTERM);
              ::raise(SIGCHLD);
              return ReadSignals(fd->get()) == std::vector{SIGTERM, SIGCHLD} ? 0 : 3;
            }),
            0);
}

TEST(Signals, AReaderThatGoesAwayEndsNobody) {
  EXPECT_EQ(RunInChild([] {
              if (!OpenSignals({SIGTERM})) return 1;
              std::array<int, 2> ends{};
              if (::pipe(ends.data()) != 0) return 2;
              ::close(ends[0]);
              return ::write(ends[1], "x", 1) == -1 ? 0 : 3;
            }),
            0);
}

TEST(Signals, ResetMakesIgnoredAndBlockedOnesDeadlyAgain) {
  EXPECT_EQ(RunInChild([] {
              std::signal(SIGTERM, SIG_IGN);
              if (!OpenSignals({SIGTERM, SIGUSR1})) return 1;
              ResetSignals();
              ::raise(SIGPIPE);  // Stays ignored.
              ::raise(SIGTERM);
              return 0;
            }),
            -SIGTERM);
}

}  // namespace
}  // namespace holdfast
