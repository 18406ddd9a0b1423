// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace holdfast {

// First argument of holdfast-worker when the supervisor starts it as a zygote.
constexpr std::string_view kZygoteArgument = "zygote";

class Backend;

// `arguments` follow the first one. Returns the exit code.
int RunZygote(std::span<const std::string> arguments, std::span<Backend* const> backends);

}  // namespace holdfast
