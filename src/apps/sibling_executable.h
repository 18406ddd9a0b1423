// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast {

// The executables are installed side by side and find each other there.
constexpr std::string_view kGatewayExecutable = "holdfast-gateway";
constexpr std::string_view kWorkerExecutable = "holdfast-worker";
constexpr std::string_view kMirrorExecutable = "holdfast-mirror";

// What the last is asked to do where it is no scout: fetch models, and end.
constexpr std::string_view kFetchArgument = "fetch";

// Becomes the sibling `name`, with the same arguments. Returns only when that was not possible.
Error BecomeSibling(std::string_view name, std::span<const std::string> arguments);

// What the sibling `name` writes, at most 64 KiB, when it ends well within `timeout`.
Result<std::string> AskSibling(std::string_view name, const std::vector<std::string>& arguments,
                               std::chrono::milliseconds timeout);

}  // namespace holdfast
