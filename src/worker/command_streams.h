// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// Where a command writes: answers to `out`, what went wrong to `err`. Both outlive the command.
struct CommandStreams {
  std::FILE* out = stdout;
  std::FILE* err = stderr;
};

// One line on `err`, "holdfast: TEXT"; control characters become spaces, for the text may quote
// names that somebody else chose.
void WriteError(const CommandStreams& streams, std::string_view text);

// The same for an error. Returns the exit code of its reason.
int FailCommand(const CommandStreams& streams, const Error& error);

// Flushes `out`, and returns `exit_code`, or that of an internal error where the answer could not
// be written.
int FinishCommand(const CommandStreams& streams, int exit_code);

}  // namespace holdfast
