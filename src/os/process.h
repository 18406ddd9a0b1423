// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/unique_fd.h"

namespace holdfast {

// A process of ours. It is killed by its pidfd, never by a number that may be somebody else's.
struct Process {
  pid_t pid = 0;
  UniqueFd pidfd;  // Readable once the process has ended.
};

// Starts `executable`, which dies with its parent. `descriptors` become 3, 4, … there; `stdio`
// becomes 1 and 2; every other descriptor is closed, and 0 is /dev/null. `environment` is added to
// ours.
struct SpawnOptions {
  std::filesystem::path executable;
  std::vector<std::string> arguments;  // Without argv[0].
  std::map<std::string, std::string> environment;
  std::vector<int> descriptors;
  int stdio = 2;
};
Result<Process> Spawn(const SpawnOptions& options);

// A pidfd of a child that has not been reaped.
Result<UniqueFd> OpenPidfd(pid_t pid);
// False when it has ended already.
bool SendSignal(const UniqueFd& pidfd, int signal);

// How a process ended.
struct ExitStatus {
  bool signalled = false;
  int number = 0;  // Exit status or signal.
  std::uint64_t peak_rss_bytes = 0;
};
struct Reaped {
  pid_t pid;
  ExitStatus status;
};
// Reaps one child that has ended, ours or one that was re-parented to us.
std::optional<Reaped> ReapAny();
// Whether there is any child, ended or not.
bool HasChildren();
// "exit status 3", "signal 11 (Segmentation fault)".
std::string FormatExit(const ExitStatus& status);

// Orphans of our descendants become our children.
Status BecomeSubreaper();
// This process is killed when its parent ends. kUnavailable: it is no longer `parent`.
Status DieWithParent(pid_t parent);

// Makes `uid` the user and the group of this process, with no other groups. Needs root.
Status ChangeUser(uid_t uid);

// From now on the kernel gathers no small pages of this process and its children into huge ones:
// gathering copies what a child shares with us. Huge pages that are there already stay. A kernel
// without that switch goes on as before.
void StopGatheringHugePages();

// From now on no allocation of the child `pid`, which has not been reaped, gets new memory from the
// kernel.
Status ForbidGrowth(pid_t pid);

// Threads of this process, as /proc counts them.
Result<std::size_t> CountThreads();
// Whether every other thread of this process waits in futex. A thread that ends meanwhile counts as
// one that does not. kInternal where the kernel does not tell what a thread waits in.
Result<bool> OtherThreadsAreParked();

// Bytes that a process holds and that no file backs, shared with other processes or not; nothing
// when it is gone.
std::optional<std::uint64_t> AnonymousBytes(pid_t pid);
// Bytes of this process that it has written and shares with nobody: what it costs on top of the
// process that it was forked from. Nothing where the kernel does not tell.
std::optional<std::uint64_t> PrivateBytes();

// The folder of the running executable.
Result<std::filesystem::path> ExecutableFolder();

}  // namespace holdfast
