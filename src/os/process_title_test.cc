// SPDX-License-Identifier: Apache-2.0
#include "os/process_title.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include "testing/forked_child.h"
#include "testing/temp_dir.h"

namespace holdfast {
namespace {

// The arguments as the kernel laid them out; the test's main has only a shifted list of them.
std::array<char*, 64> g_arguments{};
int g_count = 0;

__attribute__((constructor)) void RememberArguments(int argc, char** argv, char**) {
  while (g_count < argc && g_count < 64) {
    g_arguments.at(static_cast<std::size_t>(g_count)) = argv[g_count];
    ++g_count;
  }
}

std::string CommandLine() {
  std::string text = ReadWholeFile("/proc/self/cmdline");
  while (text.ends_with('\0')) text.pop_back();
  return text;
}

// Sets `title` in a process of its own: 0 when `test` is content there.
template <class Test>
int WithTitle(const std::string& title, Test test) {
  return RunInChild([&] {
    InitProcessTitle(g_count, g_arguments.data());
    SetProcessTitle(title, "hf-worker-with-a-long-name");
    return test() ? 0 : 1;
  });
}

TEST(ProcessTitle, IsWhatPsAndTheKernelShow) {
  const std::string title = "holdfast: worker tiny/1 #3";
  EXPECT_EQ(WithTitle(title, [&] { return CommandLine() == title; }), 0);
  EXPECT_EQ(
      WithTitle(title, [] { return ReadWholeFile("/proc/self/comm") == "hf-worker-with-\n"; }), 0);
}

TEST(ProcessTitle, CanBeSetAgainAndLeavesNothingOfTheLastOne) {
  EXPECT_EQ(WithTitle("holdfast: zygote tiny/1, loading",
                      [] {
                        SetProcessTitle("holdfast: gateway", "hf-gateway");
                        return CommandLine() == "holdfast: gateway";
                      }),
            0);
}

TEST(ProcessTitle, ThatIsTooLongIsCut) {
  const std::string title = "holdfast: " + std::string(1 << 20, 'x');
  EXPECT_EQ(WithTitle(title,
                      [&] {
                        const std::string shown = CommandLine();
                        return !shown.empty() && shown.size() < title.size() &&
                               title.starts_with(shown);
                      }),
            0);
}

TEST(ProcessTitle, LeavesTheEnvironmentAsItWas) {
  const char* path = std::getenv("PATH");
  ASSERT_NE(path, nullptr);
  const std::string before = path;
  const std::string title(1 << 20, 'x');
  EXPECT_EQ(WithTitle(title, [&] { return before == std::getenv("PATH"); }), 0);
}

TEST(ProcessTitle, WithoutArgumentsNothingHappens) {
  EXPECT_EQ(RunInChild([] {
              InitProcessTitle(0, nullptr);
              SetProcessTitle("holdfast: gateway", "hf-gateway");
              return 0;
            }),
            0);
}

}  // namespace
}  // namespace holdfast
