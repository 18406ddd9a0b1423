// SPDX-License-Identifier: Apache-2.0
#include "os/crash_report.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "os/sandbox.h"
#include "os/unique_fd.h"
#include "testing/forked_child.h"

namespace holdfast {
namespace {

struct Crashed {
  int end;  // As RunInChild() has it.
  std::string words;
};

template <class Body>
Crashed CrashIn(Body&& body) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  Crashed crashed;
  crashed.end = RunInChild([&] {
    ::dup2(writing.get(), STDERR_FILENO);
    InstallCrashReport();
    body();
    return 0;
  });
  writing.reset();
  char chunk[4096];
  for (ssize_t count = 0; (count = ::read(reading.get(), chunk, sizeof chunk)) > 0;) {
    crashed.words.append(chunk, static_cast<std::size_t>(count));
  }
  return crashed;
}

TEST(CrashReport, NamesTheSignalAndThePlaceAndLetsTheProcessDieOfIt) {
  const Crashed crashed = CrashIn([] { std::abort(); });
  EXPECT_EQ(crashed.end, -SIGABRT);
  EXPECT_TRUE(crashed.words.starts_with("signal 6, backtrace: ")) << crashed.words;
  EXPECT_NE(crashed.words.find("holdfast_os_test+0x"), std::string::npos) << crashed.words;
  EXPECT_EQ(crashed.words.find('\n'), crashed.words.size() - 1);
}

TEST(CrashReport, IsWrittenForASignalThatSomebodySends) {
  const Crashed crashed = CrashIn([] { ::kill(::getpid(), SIGSEGV); });
  EXPECT_EQ(crashed.end, -SIGSEGV);
  EXPECT_TRUE(crashed.words.starts_with("signal 11, ")) << crashed.words;
}

TEST(CrashReport, IsWrittenBehindTheSandbox) {
  const Crashed crashed = CrashIn([] {
    // Not abort(): before what does not return, AddressSanitizer makes a call that is not allowed.
    if (EnterWorkerSandbox()) ::raise(SIGABRT);
  });
  if (crashed.end == 0) GTEST_SKIP() << "the kernel refuses seccomp";
  EXPECT_EQ(crashed.end, -SIGABRT);
  EXPECT_TRUE(crashed.words.starts_with("signal 6, ")) << crashed.words;
}

// Deeper than any stack; the compiler cannot know that nobody asks for less.
int Dive(int depth) {
  volatile int here[1024] = {depth};
  return depth == 0 ? 0 : Dive(depth - 1) + here[depth % 1024];
}

TEST(CrashReport, HasAStackOfItsOwn) {
  const Crashed crashed = CrashIn([] { Dive(1 << 30); });
  EXPECT_EQ(crashed.end, -SIGSEGV);
  EXPECT_TRUE(crashed.words.starts_with("signal 11, ")) << crashed.words;
}

}  // namespace
}  // namespace holdfast
