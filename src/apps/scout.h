// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace holdfast {

constexpr std::string_view kScoutArgument = "scout";

// The role that the supervisor gives a copy of itself: it watches the model folders.
int RunScout(std::span<const std::string> words);

}  // namespace holdfast
