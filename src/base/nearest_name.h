// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace holdfast {

// The known name that differs from `name` by the fewest edits; empty if none is close enough to be
// a helpful guess.
std::string NearestName(std::string_view name, std::span<const std::string> known);

}  // namespace holdfast
