// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "apps/resolve_config.h"
#include "base/result.h"

namespace holdfast {

// Each of these writes "holdfast: …" to stderr, a line for each problem, and returns the exit code.
int Fail(const Error& error);
int FailUsage(std::string_view message);
// 64 where a flag or variable is among what is wrong: it is the nearest to the caller's hand.
int FailConfig(const std::vector<ConfigProblem>& problems);

// Writes `text` to stdout. Returns the exit code: 0, or 70 when not all could be written.
int Show(std::string_view text);

}  // namespace holdfast
