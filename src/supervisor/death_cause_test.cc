// SPDX-License-Identifier: Apache-2.0
#include "supervisor/death_cause.h"

#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "ipc/zygote_options.h"
#include "testing/temp_dir.h"

namespace holdfast {
namespace {

class DeathExplainerTest : public testing::Test {
 protected:
  DeathExplainerTest() {
    root_.Write("sys/fs/cgroup/cgroup.controllers", "memory\n");
    root_.Write("sys/fs/cgroup/memory.max", std::to_string(300 << 20));
    root_.Write("sys/fs/cgroup/memory.current", std::to_string(292 << 20));
    CountOomKills(5);
  }
  void CountOomKills(int count) {
    root_.Write("sys/fs/cgroup/memory.events", "oom_kill " + std::to_string(count) + "\n");
  }
  static ExitStatus Signal(int number) { return {.signalled = true, .number = number}; }
  static ExitStatus Exit(int number) { return {.signalled = false, .number = number}; }

  const TempDir root_;
};

TEST_F(DeathExplainerTest, TellsByTheExitStatusWhoseDoingItWas) {
  const Cgroup cgroup(root_.path());
  DeathExplainer explainer(cgroup);
  const auto cause = [&](const ExitStatus& status) {
    return explainer.Explain(status, std::nullopt).cause;
  };
  for (const int number : {SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGXFSZ}) {
    EXPECT_EQ(cause(Signal(number)), DeathCause::kSignalled) << number;
  }
  for (const int number : {SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT}) {
    EXPECT_EQ(cause(Signal(number)), DeathCause::kKilledFromOutside) << number;
  }
  for (const int number : {0, 1, 70, 76, 255}) {
    EXPECT_EQ(cause(Exit(number)), DeathCause::kExited) << number;
  }
}

TEST_F(DeathExplainerTest, AKillThatTheKernelCountedIsOutOfMemory) {
  const Cgroup cgroup(root_.path());
  DeathExplainer explainer(cgroup);
  CountOomKills(6);
  const auto first = explainer.Explain(Signal(SIGKILL), std::nullopt);
  EXPECT_EQ(first.cause, DeathCause::kOutOfMemory);
  EXPECT_NE(first.words.find("limit 300 MiB, in use now 292 MiB"), std::string::npos)
      << first.words;
  // Counted once, blamed once.
  EXPECT_EQ(explainer.Explain(Signal(SIGKILL), std::nullopt).cause, DeathCause::kKilledFromOutside);
}

TEST_F(DeathExplainerTest, AnotherSignalIsNotOutOfMemoryWhateverWasCounted) {
  const Cgroup cgroup(root_.path());
  DeathExplainer explainer(cgroup);
  CountOomKills(6);
  EXPECT_EQ(explainer.Explain(Signal(SIGSEGV), std::nullopt).cause, DeathCause::kSignalled);
}

TEST_F(DeathExplainerTest, TwoKillsCountedAtOnceAreTwoDeathsForMemory) {
  const Cgroup cgroup(root_.path());
  DeathExplainer explainer(cgroup);
  CountOomKills(7);
  EXPECT_EQ(explainer.Explain(Signal(SIGKILL), std::nullopt).cause, DeathCause::kOutOfMemory);
  EXPECT_EQ(explainer.Explain(Signal(SIGKILL), std::nullopt).cause, DeathCause::kOutOfMemory);
  EXPECT_EQ(explainer.Explain(Signal(SIGKILL), std::nullopt).cause, DeathCause::kKilledFromOutside);
}

TEST_F(DeathExplainerTest, AKillThatFitsNoWorkerIsSoonForgotten) {
  const Cgroup cgroup(root_.path());
  DeathExplainer explainer(cgroup);
  CountOomKills(7);
  const TimePoint now = Now();
  EXPECT_EQ(explainer.Explain(Signal(SIGKILL), std::nullopt, now).cause, DeathCause::kOutOfMemory);
  EXPECT_EQ(explainer.Explain(Signal(SIGKILL), std::nullopt, now + std::chrono::seconds(2)).cause,
            DeathCause::kKilledFromOutside);
}

TEST_F(DeathExplainerTest, AWorkerThatRanOutOfMemoryCanSaySo) {
  const Cgroup cgroup(root_.path());
  DeathExplainer explainer(cgroup);
  EXPECT_EQ(explainer.Explain(Exit(kExitOutOfMemory), std::nullopt).cause,
            DeathCause::kOutOfMemory);
}

TEST_F(DeathExplainerTest, OurOwnReasonComesFirst) {
  const Cgroup cgroup(root_.path());
  DeathExplainer explainer(cgroup);
  for (const ExitStatus& status : {Signal(SIGKILL), Exit(0), Exit(kExitOutOfMemory)}) {
    EXPECT_EQ(explainer.Explain(status, DeathCause::kHung).cause, DeathCause::kHung);
  }
}

TEST(DeathExplainer, WithoutACounterAKillComesFromOutside) {
  const TempDir root;
  const Cgroup cgroup(root.path());
  DeathExplainer explainer(cgroup);
  const auto explained = explainer.Explain({.signalled = true, .number = SIGKILL}, std::nullopt);
  EXPECT_EQ(explained.cause, DeathCause::kKilledFromOutside);
}

}  // namespace
}  // namespace holdfast
