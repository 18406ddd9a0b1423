// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

namespace holdfast {

// How a forked process ended: its exit status, or minus the signal that ended it.
inline int EndOf(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) {
    ADD_FAILURE() << "no such child";
    return 255;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// Runs `body`, which returns an int, in a process of its own: for what cannot be undone in ours.
// The process leaves by _exit with that number; an expectation in it is not heard of outside.
template <class Body>
int RunInChild(Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(std::forward<Body>(body)());
  return EndOf(child);
}

}  // namespace holdfast
