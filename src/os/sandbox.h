// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace holdfast {

// The wall around a process that handles untrusted bytes: no descriptor can be opened, no file
// grown, nothing executed, and of the kernel only the calls of SandboxCalls() can be reached.
// Anything else ends the process with SIGSYS. stderr must be a pipe, or the first line logged dies
// of SIGXFSZ. Not to be undone. kUnavailable: the kernel refuses a part; the text says which.
// With kAllowed the process may also make memory executable, for a library that generates code
// while it runs; all else stays forbidden.
enum class CodeGeneration { kForbidden, kAllowed };
Status EnterWorkerSandbox(CodeGeneration code = CodeGeneration::kForbidden);

struct SandboxCall {
  const char* name;
  const char* why;
};
// The allow-list, as seccomp-allow.txt shows it.
std::vector<SandboxCall> SandboxCalls();

// Writes the process's own oom_score_adj: 900 makes the kernel take a worker before its parents.
Status SetOomScore(int score);

}  // namespace holdfast
