// SPDX-License-Identifier: Apache-2.0
#include "os/sandbox.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "os/system_error.h"
#include "os/unique_fd.h"

namespace holdfast {
namespace {

// Measured: the first six serve ten thousand requests. The others are reached in glibc and in the
// inference library on rare paths, or let abort() end as SIGABRT instead of SIGSYS.
constexpr std::array kAllowed{
    SandboxCall{"recvmsg", "the next item"},
    SandboxCall{"sendmsg", "ready, and an item's answer"},
    SandboxCall{"exit_group", "the end"},
    SandboxCall{"brk", "malloc"},
    SandboxCall{"mmap", "malloc of large blocks; not with PROT_EXEC"},
    SandboxCall{"munmap", "free of large blocks"},
    SandboxCall{"mremap", "realloc of large blocks"},
    SandboxCall{"madvise", "malloc's trimming"},
    SandboxCall{"futex", "a contended lock"},
    SandboxCall{"clock_gettime", "where the vDSO cannot read the clock"},
    SandboxCall{"clock_nanosleep", "the fake engine's service time"},
    SandboxCall{"sched_yield", "spin loops"},
    SandboxCall{"write", "the last words on stderr"},
    SandboxCall{"restart_syscall", "after SIGSTOP and SIGCONT"},
    SandboxCall{"rt_sigprocmask", "abort()"},
    SandboxCall{"rt_sigaction", "abort()"},
    SandboxCall{"rt_sigreturn", "return from a handler"},
    SandboxCall{"gettid", "abort()"},
    SandboxCall{"getpid", "abort()"},
    SandboxCall{"tgkill", "abort(); to this process only"},
};
// With CodeGeneration::kAllowed: what is generated is written first, and made executable then.
constexpr SandboxCall kCodeCall{"mprotect", "kernels that a library makes for a picture's size"};
// A library that looks for a file gets an error, not death.
constexpr std::array kRefused{"openat", "newfstatat", "readlink", "readlinkat", "access"};

Status Limit(__rlimit_resource what, rlim_t value, const char* name) {
  const rlimit limit{value, value};
  if (::setrlimit(what, &limit) != 0) return SystemError(std::string("limit ") + name);
  return {};
}

Status AddRules(scmp_filter_ctx filter, CodeGeneration code) {
  if (code == CodeGeneration::kAllowed &&
      seccomp_rule_add(filter, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(kCodeCall.name), 0) !=
          0) {
    return Error{Reason::kUnavailable, std::string("seccomp refuses a rule for ") + kCodeCall.name};
  }
  for (const SandboxCall& call : kAllowed) {
    const int number = seccomp_syscall_resolve_name(call.name);
    if (number == __NR_SCMP_ERROR) continue;  // Not on this architecture.
    const std::string_view name = call.name;
    const scmp_arg_cmp condition =
        name == "mmap"
            ? scmp_arg_cmp{.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0}
            : scmp_arg_cmp{.arg = 0,
                           .op = SCMP_CMP_EQ,
                           .datum_a = static_cast<scmp_datum_t>(::getpid()),
                           .datum_b = 0};
    const bool conditional = name == "mmap" || name == "tgkill";
    const int added = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, conditional ? 1 : 0,
                                             conditional ? &condition : nullptr);
    if (added != 0) {
      return Error{Reason::kUnavailable, std::string("seccomp refuses a rule for ") + call.name};
    }
  }
  for (const char* name : kRefused) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) continue;
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0) != 0) {
      return Error{Reason::kUnavailable, std::string("seccomp refuses a rule for ") + name};
    }
  }
  return {};
}

Status EnterSeccomp(CodeGeneration code) {
  const std::unique_ptr<void, decltype(&seccomp_release)> filter(
      seccomp_init(SCMP_ACT_KILL_PROCESS), &seccomp_release);
  if (filter == nullptr) return Error{Reason::kUnavailable, "seccomp cannot start a filter"};
  TRY_DO(AddRules(filter.get(), code));
  if (const int loaded = seccomp_load(filter.get()); loaded != 0) {
    return Error{Reason::kUnavailable,
                 std::string("the kernel refuses seccomp: ") + std::strerror(-loaded)};
  }
  return {};
}

}  // namespace

Status EnterWorkerSandbox(CodeGeneration code) {
  TRY_DO(Limit(RLIMIT_CORE, 0, "core files"));
  TRY_DO(Limit(RLIMIT_FSIZE, 0, "file sizes"));
  TRY_DO(Limit(RLIMIT_NPROC, 0, "processes"));
  TRY_DO(Limit(RLIMIT_MEMLOCK, 0, "locked memory"));
  TRY_DO(Limit(RLIMIT_NOFILE, 0, "descriptors"));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return SystemError("refuse new privileges");
  return EnterSeccomp(code);
}

std::vector<SandboxCall> SandboxCalls() { return {kAllowed.begin(), kAllowed.end()}; }

Status SetOomScore(int score) {
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  const std::string text = std::to_string(score);
  if (!file || ::write(file.get(), text.data(), text.size()) < 0) {
    return SystemError("set oom_score_adj");
  }
  return {};
}

}  // namespace holdfast
