// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace holdfast {

// Says which invariant broke and ends the process: a bug, never a bad input. The supervisor
// restarts what died, so going on with a broken invariant is the worse choice.
[[noreturn]] void CheckFailed(const char* expression, const char* file, int line);

}  // namespace holdfast

#define CHECK(expression)                                       \
  do {                                                          \
    if (!(expression)) [[unlikely]]                             \
      ::holdfast::CheckFailed(#expression, __FILE__, __LINE__); \
  } while (false)
