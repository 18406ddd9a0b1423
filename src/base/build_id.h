// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace holdfast {

std::string_view Version();  // "0.1.0"

// Names this build of the sources. The three executables compare theirs in the handshake: those of
// two builds do not speak with each other.
std::string_view BuildId();

std::string_view Compiler();  // "g++ 12.2.0"

}  // namespace holdfast
