// SPDX-License-Identifier: Apache-2.0
#include "os/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "os/signals.h"
#include "os/system_error.h"

namespace holdfast {
namespace {

constexpr int kFirstDescriptor = 3;
constexpr int kExecFailed = 127;

// Between fork and exec: only what a child of a one-threaded process may do, and no return.
[[noreturn]] void ExecChild(const SpawnOptions& options, std::vector<int> descriptors,
                            char* const* arguments, char* const* environment, pid_t parent) {
  if (!DieWithParent(parent)) ::_exit(kExecFailed);
  // Ctrl-C on a terminal is for the supervisor, which tells us what to do.
  ::setpgid(0, 0);
  // Out of the way first: a source may have the number of another's target.
  const int above = kFirstDescriptor + static_cast<int>(descriptors.size());
  for (int& fd : descriptors) fd = ::fcntl(fd, F_DUPFD, above);
  const int stdio = ::fcntl(options.stdio, F_DUPFD, above);
  const int null = ::open("/dev/null", O_RDONLY);
  // One that is missing would leave some other descriptor under its number.
  if (null < 0 || stdio < 0 || std::count(descriptors.begin(), descriptors.end(), -1) > 0) {
    ::_exit(kExecFailed);
  }
  ::dup2(null, 0);
  ::dup2(stdio, 1);
  ::dup2(stdio, 2);
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    ::dup2(descriptors[i], kFirstDescriptor + static_cast<int>(i));
  }
  ::close_range(static_cast<unsigned>(above), ~0u, 0);
  ResetSignals();
  ::execve(options.executable.c_str(), arguments, environment);
  ::_exit(kExecFailed);
}

std::vector<std::string> MergedEnvironment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!added.contains(text.substr(0, text.find('=')))) merged.push_back(text);
  }
  for (const auto& [name, value] : added) merged.push_back(name + '=' + value);
  return merged;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<Process> Spawn(const SpawnOptions& options) {
  if (::access(options.executable.c_str(), X_OK) != 0) {
    return SystemError("start " + options.executable.string(), Reason::kUnavailable);
  }
  std::vector<std::string> arguments{options.executable.filename().string()};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment = MergedEnvironment(options.environment);
  const std::vector<char*> argument_pointers = Pointers(arguments);
  const std::vector<char*> environment_pointers = Pointers(environment);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return SystemError("fork", Reason::kUnavailable);
  if (pid == 0) {
    ExecChild(options, options.descriptors, argument_pointers.data(), environment_pointers.data(),
              parent);
  }
  UniqueFd pidfd = TRY(OpenPidfd(pid));
  return Process{pid, std::move(pidfd)};
}

// glibc 2.36 declares pidfd_open() without extern "C", so that it does not link: ask the kernel.
Result<UniqueFd> OpenPidfd(pid_t pid) {
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return SystemError("open a pidfd");
  return pidfd;
}

bool SendSignal(const UniqueFd& pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

std::optional<Reaped> ReapAny() {
  siginfo_t report{};
  rusage usage{};
  if (::syscall(SYS_waitid, P_ALL, 0, &report, WEXITED | WNOHANG, &usage) != 0) {
    return std::nullopt;
  }
  if (report.si_pid == 0) return std::nullopt;
  return Reaped{report.si_pid,
                {.signalled = report.si_code != CLD_EXITED,
                 .number = report.si_status,
                 .peak_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024}};
}

bool HasChildren() {
  siginfo_t report{};
  return ::waitid(P_ALL, 0, &report, WEXITED | WNOHANG | WNOWAIT) == 0;
}

std::string FormatExit(const ExitStatus& status) {
  if (!status.signalled) return "exit status " + std::to_string(status.number);
  const char* name = ::strsignal(status.number);
  return "signal " + std::to_string(status.number) + " (" + (name != nullptr ? name : "?") + ")";
}

Status BecomeSubreaper() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return SystemError("become a subreaper");
  return {};
}

Status DieWithParent(pid_t parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return SystemError("die with the parent");
  // The parent may have died before the call; then the signal never comes.
  if (::getppid() != parent) return Error{Reason::kUnavailable, "the parent is gone"};
  return {};
}

Status ChangeUser(uid_t uid) {
  if (::setgroups(0, nullptr) != 0) return SystemError("leave all groups");
  if (::setresgid(uid, uid, uid) != 0) return SystemError("change the group");
  if (::setresuid(uid, uid, uid) != 0) return SystemError("change the user");
  return {};
}

void StopGatheringHugePages() { ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); }

Status ForbidGrowth(pid_t pid) {
  rlimit limit{};
  if (::prlimit(pid, RLIMIT_AS, nullptr, &limit) != 0) return SystemError("read a memory limit");
  limit.rlim_cur = 0;  // Less than it has: what it has stays, all growth fails.
  if (::prlimit(pid, RLIMIT_AS, &limit, nullptr) != 0) return SystemError("set a memory limit");
  return {};
}

Result<std::size_t> CountThreads() {
  std::error_code error;
  std::size_t count = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/task", error), end;
       !error && entry != end; entry.increment(error)) {
    ++count;
  }
  if (error) return Error{Reason::kInternal, "count threads: " + error.message()};
  return count;
}

Result<bool> OtherThreadsAreParked() {
  const std::string self = std::to_string(::syscall(SYS_gettid));
  const std::string futex = std::to_string(SYS_futex);
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc/self/task", error), end;
       !error && entry != end; entry.increment(error)) {
    if (entry->path().filename() == self) continue;
    // "running", or the call's number and what follows.
    std::ifstream file(entry->path() / "syscall");
    std::string call;
    if (!(file >> call)) {
      return Error{Reason::kInternal, fmt::format("{}/syscall cannot be read: the kernel does not "
                                                  "tell what a thread waits in",
                                                  entry->path().string())};
    }
    if (call != futex) return false;
  }
  if (error) return Error{Reason::kInternal, "list threads: " + error.message()};
  return true;
}

std::optional<std::uint64_t> AnonymousBytes(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/statm", pid));
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  std::uint64_t backed = 0;
  if (!(file >> total >> resident >> backed) || backed > resident) return std::nullopt;
  return (resident - backed) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::optional<std::uint64_t> PrivateBytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string word; file >> word;) {
    std::uint64_t kibibytes = 0;
    if (word == "Private_Dirty:" && file >> kibibytes) return kibibytes * 1024;
  }
  return std::nullopt;
}

Result<std::filesystem::path> ExecutableFolder() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Error{Reason::kInternal, "find the executable: " + error.message()};
  return self.parent_path();
}

}  // namespace holdfast
