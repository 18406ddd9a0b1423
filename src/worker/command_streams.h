// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>

namespace holdfast {

// Where a command writes: answers to `out`, what went wrong to `err`. Both outlive the command.
struct CommandStreams {
  std::FILE* out = stdout;
  std::FILE* err = stderr;
};

}  // namespace holdfast
