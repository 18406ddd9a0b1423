// SPDX-License-Identifier: Apache-2.0
#include "os/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <future>
#include <thread>

#include "testing/forked_child.h"

namespace holdfast {
namespace {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe MakePipe() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string ReadToEnd(const UniqueFd& fd) {
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t n = 0; (n = ::read(fd.get(), part.data(), part.size())) > 0;) {
    text.append(part.data(), static_cast<std::size_t>(n));
  }
  return text;
}

bool EndsSoon(const UniqueFd& pidfd) {
  pollfd state{pidfd.get(), POLLIN, 0};
  return ::poll(&state, 1, 20'000) == 1;
}

// A shell that runs `script` with what `options` say, and all that it wrote to 1 and 2.
std::string OutputOf(const std::string& script, SpawnOptions options = {}) {
  Pipe out = MakePipe();
  options.executable = "/bin/sh";
  options.arguments = {"-c", script};
  options.stdio = out.write.get();
  const auto process = Spawn(options);
  if (!process) return process.error().message;
  out.write.reset();
  std::string text = ReadToEnd(out.read);
  EXPECT_EQ(EndOf(process->pid), 0);
  return text;
}

TEST(Spawn, GivesExactlyTheDescriptorsAskedForAndNoOther) {
  const UniqueFd leaked(::fcntl(0, F_DUPFD, 60));  // Stays open over an exec.
  ASSERT_TRUE(leaked);
  Pipe a = MakePipe();
  Pipe b = MakePipe();
  SpawnOptions options;
  options.descriptors = {a.write.get(), b.write.get()};
  EXPECT_EQ(OutputOf("echo first >&3; echo second >&4; echo out; echo err >&2; "
                     "for n in $(seq 5 200); do test -e /proc/$$/fd/$n && echo open $n; done; "
                     "readlink /proc/$$/fd/0",
                     options),
            "out\nerr\n/dev/null\n");
  a.write.reset();
  b.write.reset();
  EXPECT_EQ(ReadToEnd(a.read), "first\n");
  EXPECT_EQ(ReadToEnd(b.read), "second\n");
}

TEST(Spawn, DescriptorsMayHaveOneAnothersNumbers) {
  Pipe a = MakePipe();
  Pipe b = MakePipe();
  EXPECT_EQ(RunInChild([&] {
              const int out_a = ::fcntl(a.write.get(), F_DUPFD, 100);
              const int out_b = ::fcntl(b.write.get(), F_DUPFD, 100);
              ::dup2(out_a, 4);
              ::dup2(out_b, 3);
              SpawnOptions options{.executable = "/bin/sh",
                                   .arguments = {"-c", "echo a >&3; echo b >&4; echo a >&1"},
                                   .environment = {},
                                   .descriptors = {4, 3},
                                   .stdio = 4};
              const auto process = Spawn(options);
              return process ? EndOf(process->pid) : 1;
            }),
            0);
  a.write.reset();
  b.write.reset();
  EXPECT_EQ(ReadToEnd(a.read), "a\na\n");
  EXPECT_EQ(ReadToEnd(b.read), "b\n");
}

TEST(Spawn, DoesNotStartWithADescriptorLessThanAskedFor) {
  SpawnOptions options{.executable = "/bin/true",
                       .arguments = {},
                       .environment = {},
                       .descriptors = {1'000'000},
                       .stdio = 2};
  const auto process = Spawn(options);
  ASSERT_TRUE(process);
  EXPECT_EQ(EndOf(process->pid), 127);
}

TEST(Spawn, AddsToTheEnvironment) {
  ::setenv("HOLDFAST_TEST_KEPT", "kept", 1);
  ::setenv("HOLDFAST_TEST_CHANGED", "old", 1);
  SpawnOptions options;
  options.environment = {{"HOLDFAST_TEST_CHANGED", "new"}, {"HOLDFAST_TEST_ADDED", "a=b"}};
  EXPECT_EQ(
      OutputOf("echo $HOLDFAST_TEST_KEPT $HOLDFAST_TEST_CHANGED $HOLDFAST_TEST_ADDED", options),
      "kept new a=b\n");
}

TEST(Spawn, NeitherIgnoredNorBlockedSignalsPassOn) {
  Pipe out = MakePipe();
  EXPECT_EQ(RunInChild([&] {
              std::signal(SIGUSR1, SIG_IGN);
              std::signal(SIGTERM, SIG_IGN);
              sigset_t set;
              sigfillset(&set);
              ::sigprocmask(SIG_BLOCK, &set, nullptr);
              SpawnOptions options{.executable = "/bin/sh",
                                   .arguments = {"-c", "grep -E 'Sig(Blk|Ign)' /proc/self/status"},
                                   .environment = {},
                                   .descriptors = {},
                                   .stdio = out.write.get()};
              const auto process = Spawn(options);
              return process ? EndOf(process->pid) : 1;
            }),
            0);
  out.write.reset();
  // SIGPIPE stays ignored: a reader that goes away must not end anybody.
  EXPECT_EQ(ReadToEnd(out.read), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001000\n");
}

TEST(Spawn, PutsTheProcessIntoAGroupOfItsOwn) {
  Pipe out = MakePipe();
  Pipe in = MakePipe();
  SpawnOptions options{.executable = "/bin/sh",
                       .arguments = {"-c", "echo up; read word <&3"},
                       .environment = {},
                       .descriptors = {in.read.get()},
                       .stdio = out.write.get()};
  const auto process = Spawn(options);
  ASSERT_TRUE(process);
  std::array<char, 3> up{};
  ASSERT_EQ(::read(out.read.get(), up.data(), up.size()), 3);
  EXPECT_EQ(::getpgid(process->pid), process->pid);
  in.write.reset();
  EXPECT_TRUE(EndsSoon(process->pidfd));
  EndOf(process->pid);
}

TEST(Spawn, SaysThatThereIsNoSuchExecutable) {
  const auto process = Spawn(
      {.executable = "/bin/no-such-thing", .arguments = {}, .environment = {}, .descriptors = {}});
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().reason, Reason::kUnavailable);
}

TEST(Process, ASignalToOneThatWasReapedReachesNobody) {
  const auto process = Spawn(
      {.executable = "/bin/sleep", .arguments = {"60"}, .environment = {}, .descriptors = {}});
  ASSERT_TRUE(process);
  EXPECT_TRUE(SendSignal(process->pidfd, SIGKILL));
  EXPECT_TRUE(EndsSoon(process->pidfd));
  const auto reaped = ReapAny();
  ASSERT_TRUE(reaped.has_value());
  EXPECT_EQ(reaped->pid, process->pid);
  EXPECT_TRUE(reaped->status.signalled);
  EXPECT_EQ(reaped->status.number, SIGKILL);
  EXPECT_FALSE(SendSignal(process->pidfd, SIGKILL));
  EXPECT_FALSE(ReapAny().has_value());
}

TEST(Process, AnOrphanOfAChildBecomesOursAndIsReaped) {
  EXPECT_EQ(RunInChild([] {
              if (!BecomeSubreaper()) return 1;
              Pipe told = MakePipe();
              const pid_t middle = ::fork();
              if (middle == 0) {
                const pid_t own = ::fork();
                if (own == 0) ::_exit(7);
                (void)!::write(told.write.get(), &own, sizeof own);
                ::_exit(0);
              }
              pid_t orphan = 0;
              if (::read(told.read.get(), &orphan, sizeof orphan) != sizeof orphan) return 2;
              for (const pid_t pid : {middle, orphan}) {
                const auto pidfd = OpenPidfd(pid);
                if (pidfd && !EndsSoon(*pidfd)) return 3;
              }
              bool seen = false;
              while (!seen) {
                const auto reaped = ReapAny();
                seen = reaped.has_value() && reaped->pid == orphan && reaped->status.number == 7;
              }
              return 0;
            }),
            0);
}

TEST(Process, DiesWithItsParent) {
  EXPECT_EQ(RunInChild([] {
              if (!BecomeSubreaper()) return 1;
              Pipe out = MakePipe();
              const pid_t parent = ::fork();
              if (parent == 0) {
                const auto spawned = Spawn({.executable = "/bin/sh",
                                            .arguments = {"-c", "echo up; exec sleep 60"},
                                            .environment = {},
                                            .descriptors = {},
                                            .stdio = out.write.get()});
                std::array<char, 3> up{};
                if (!spawned || ::read(out.read.get(), up.data(), up.size()) != 3) ::_exit(1);
                ::_exit(0);
              }
              if (EndOf(parent) != 0) return 2;
              for (;;) {
                const auto reaped = ReapAny();
                if (!reaped.has_value()) continue;
                return reaped->status.signalled && reaped->status.number == SIGKILL ? 0 : 3;
              }
            }),
            0);
}

TEST(DieWithParent, SaysThatTheParentIsGone) {
  EXPECT_EQ(RunInChild([] {
              if (!DieWithParent(::getppid())) return 1;
              int signal = 0;
              if (::prctl(PR_GET_PDEATHSIG, &signal) != 0 || signal != SIGKILL) return 2;
              const Status status = DieWithParent(::getpid());
              return !status && status.error().reason == Reason::kUnavailable ? 0 : 3;
            }),
            0);
}

TEST(ChangeUser, LeavesGroupsBehindAndForgetsTheTieToTheParent) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can change its user";
  constexpr uid_t kNobody = 65534;
  EXPECT_EQ(RunInChild([] {
              if (!DieWithParent(::getppid()) || !ChangeUser(kNobody)) return 1;
              if (::geteuid() != kNobody || ::getegid() != kNobody) return 2;
              if (::getgroups(0, nullptr) != 0) return 3;
              // Hence: first the user, then the tie.
              int signal = -1;
              if (::prctl(PR_GET_PDEATHSIG, &signal) != 0 || signal != 0) return 4;
              return ChangeUser(0).has_value() ? 5 : 0;
            }),
            0);
}

TEST(StopGatheringHugePages, HoldsForChildren) {
  EXPECT_EQ(RunInChild([] {
              StopGatheringHugePages();
              return RunInChild([] { return ::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0); }) == 1 ? 0
                                                                                             : 2;
            }),
            0);
}

TEST(CountThreads, CountsThem) {
  const auto before = CountThreads();
  ASSERT_TRUE(before);
  std::size_t with_one_more = 0;
  std::thread([&] { with_one_more = CountThreads().value_or(0); }).join();
  EXPECT_EQ(with_one_more, *before + 1);
}

TEST(OtherThreadsAreParked, TellsAThreadThatWorksFromOneThatWaits) {
  std::promise<void> end;
  std::atomic<bool> works = true;
  EXPECT_TRUE(OtherThreadsAreParked().value());  // There is none.
  std::thread other([&] {
    while (works) {
    }
    end.get_future().wait();
  });
  EXPECT_FALSE(OtherThreadsAreParked().value());
  works = false;
  while (!OtherThreadsAreParked().value()) std::this_thread::yield();
  end.set_value();
  other.join();
}

TEST(FormatExit, NamesTheSignal) {
  EXPECT_EQ(FormatExit({.signalled = false, .number = 3}), "exit status 3");
  EXPECT_EQ(FormatExit({.signalled = true, .number = SIGSEGV}), "signal 11 (Segmentation fault)");
}

TEST(ExecutableFolder, HasThisExecutable) {
  const auto folder = ExecutableFolder();
  ASSERT_TRUE(folder);
  EXPECT_TRUE(std::filesystem::exists(*folder));
}

TEST(ForbidGrowth, LeavesAChildWhatItHasAndGivesItNoMore) {
  Pipe go = MakePipe();
  const pid_t child = ::fork();
  if (child == 0) {
    go.write.reset();
    std::array<char, 1> byte{};
    (void)!::read(go.read.get(), byte.data(), byte.size());
    void* const more = ::mmap(nullptr, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ::_exit(more == MAP_FAILED && errno == ENOMEM ? 7 : 1);
  }
  EXPECT_TRUE(ForbidGrowth(child));
  go.write.reset();
  EXPECT_EQ(EndOf(child), 7);
  EXPECT_FALSE(ForbidGrowth(child)) << "it is gone";
}

}  // namespace
}  // namespace holdfast
