// SPDX-License-Identifier: Apache-2.0
#include "os/signals.h"

#include <sys/signalfd.h>

#include <csignal>

#include "os/system_error.h"

namespace holdfast {

Result<UniqueFd> OpenSignals(std::initializer_list<int> signals) {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return SystemError("block signals");
  UniqueFd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return SystemError("open a signal descriptor");
  return fd;
}

std::vector<int> ReadSignals(int fd) {
  std::vector<int> signals;
  signalfd_siginfo entry{};
  while (::read(fd, &entry, sizeof entry) == sizeof entry) {
    signals.push_back(static_cast<int>(entry.ssi_signo));
  }
  return signals;
}

void ResetSignals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal != SIGPIPE) std::signal(signal, SIG_DFL);
  }
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace holdfast
