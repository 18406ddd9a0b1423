// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "apps/command_line.h"
#include "base/http_url.h"
#include "base/result.h"

namespace holdfast {

// The admin address that --server names; without it, this machine's.
Result<HttpUrl> AdminServer(const std::string& given);

// Commands that ask a running server's admin address. Each returns the exit code.
int RunDeaths(const DeathsCommand& command);
int RunModels(const ModelsCommand& command);
int RunQuarantine(const QuarantineCommand& command);

}  // namespace holdfast
