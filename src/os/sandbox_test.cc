// SPDX-License-Identifier: Apache-2.0
#include "os/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>

#include "os/unique_fd.h"
#include "testing/forked_child.h"

namespace holdfast {
namespace {

constexpr int kNotWalled = 99;

struct Walled {
  int end = 0;  // As EndOf() gives it.
  std::string written;
};

// Runs `body` behind the wall, stderr on a pipe as a worker's is.
template <class Body>
Walled RunWalled(Body body, CodeGeneration code = CodeGeneration::kForbidden) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  Walled walled;
  walled.end = RunInChild([&] {
    ::dup2(ends[1], 2);
    const int end = EnterWorkerSandbox(code) ? body() : kNotWalled;
    // Not _exit(): AddressSanitizer precedes what does not return with a call of its own.
    return static_cast<int>(::syscall(SYS_exit_group, end));
  });
  ::close(ends[1]);
  std::array<char, 4096> buffer{};
  const ssize_t size = ::read(ends[0], buffer.data(), buffer.size());
  if (size > 0) walled.written.assign(buffer.data(), static_cast<std::size_t>(size));
  ::close(ends[0]);
  return walled;
}

class Sandbox : public testing::Test {
 protected:
  void SetUp() override {
    if (RunWalled([] { return 0; }).end == kNotWalled) GTEST_SKIP() << "the kernel refuses seccomp";
  }
};

TEST_F(Sandbox, LetsMemoryGrowAndShrink) {
  EXPECT_EQ(RunWalled([] {
              for (const std::size_t size : {std::size_t{100}, std::size_t{1} << 26}) {
                auto* block = static_cast<volatile char*>(std::malloc(size));
                if (block == nullptr) return 1;
                block[size - 1] = 1;
                std::free(const_cast<char*>(block));
              }
              return 0;
            }).end,
            0);
}

TEST_F(Sandbox, LetsLastWordsThrough) {
  const Walled walled = RunWalled([] { return ::write(2, "words", 5) == 5 ? 3 : 1; });
  EXPECT_EQ(walled.end, 3);
  EXPECT_EQ(walled.written, "words");
}

TEST_F(Sandbox, LetsAbortBeSeenAsAbort) {
  EXPECT_EQ(RunWalled([] {
              void (*volatile end)() = &std::abort;  // Unknown not to return, see RunWalled().
              end();
              return 0;
            }).end,
            -SIGABRT);
}

TEST_F(Sandbox, LetsMessagesThrough) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()), 0);
  char byte = 'x';
  iovec part{&byte, 1};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  EXPECT_EQ(RunWalled([&] {
              return ::sendmsg(ends[0], &header, 0) == 1 && ::recvmsg(ends[1], &header, 0) == 1 ? 0
                                                                                                : 1;
            }).end,
            0);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(Sandbox, AnswersALookForAFileWithAnError) {
  EXPECT_EQ(RunWalled([] {
              if (::open("/etc/passwd", O_RDONLY) != -1 || errno != EPERM) return 1;
              if (::open("/x", O_WRONLY | O_CREAT, 0600) != -1 || errno != EPERM) return 2;
              return ::access("/etc/passwd", R_OK) == -1 && errno == EPERM ? 0 : 3;
            }).end,
            0);
}

TEST_F(Sandbox, KillsWhoeverMakesASocket) {
  EXPECT_EQ(RunWalled([] { return ::socket(AF_INET, SOCK_STREAM, 0); }).end, -SIGSYS);
}

TEST_F(Sandbox, KillsWhoeverExecutesAProgram) {
  EXPECT_EQ(RunWalled([] {
              char name[] = "true";
              std::array<char*, 2> arguments{name, nullptr};
              return ::execv("/bin/true", arguments.data());
            }).end,
            -SIGSYS);
}

TEST_F(Sandbox, KillsWhoeverMapsOrMakesCode) {
  EXPECT_EQ(RunWalled([] {
              ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              return 0;
            }).end,
            -SIGSYS);
  EXPECT_EQ(RunWalled([] {
              void* page = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
              return 0;
            }).end,
            -SIGSYS);
}

TEST_F(Sandbox, LetsCodeBeGeneratedWhereThatIsAllowedAndNothingElse) {
  EXPECT_EQ(RunWalled(
                [] {
                  constexpr std::uint8_t kReturn = 0xc3;
                  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                  *static_cast<std::uint8_t*>(page) = kReturn;
                  return ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
                },
                CodeGeneration::kAllowed)
                .end,
            0);
  EXPECT_EQ(
      RunWalled([] { return ::socket(AF_INET, SOCK_STREAM, 0); }, CodeGeneration::kAllowed).end,
      -SIGSYS);
}

TEST_F(Sandbox, KillsWhoeverForks) {
  EXPECT_EQ(RunWalled([] { return ::fork() == 0 ? 1 : 2; }).end, -SIGSYS);
}

TEST_F(Sandbox, KillsWhoeverSignalsOthersOrTracesThem) {
  EXPECT_EQ(RunWalled([] { return ::kill(::getppid(), SIGCONT); }).end, -SIGSYS);
  // 0: a signal that only asks whether it could be sent.
  EXPECT_EQ(RunWalled([parent = ::getppid()] {
              return static_cast<int>(::syscall(SYS_tgkill, parent, parent, 0));
            }).end,
            -SIGSYS);
  EXPECT_EQ(RunWalled([] { return static_cast<int>(::syscall(SYS_ptrace, 0, 0, 0, 0)); }).end,
            -SIGSYS);
}

TEST_F(Sandbox, IsNotEscapedByALimit) {
  EXPECT_EQ(RunWalled([] {
              const rlimit limit{64, 64};
              return ::setrlimit(RLIMIT_NOFILE, &limit);
            }).end,
            -SIGSYS);
}

TEST(SandboxCalls, EachSaysWhyItIsAllowed) {
  EXPECT_GE(SandboxCalls().size(), 6u);
  for (const SandboxCall& call : SandboxCalls()) {
    EXPECT_FALSE(std::string(call.name).empty());
    EXPECT_FALSE(std::string(call.why).empty()) << call.name;
  }
}

TEST(SetOomScore, MayBeRaised) {
  EXPECT_EQ(RunInChild([] { return SetOomScore(900) ? 0 : 1; }), 0);
}

}  // namespace
}  // namespace holdfast
