// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

// A client's own id, if it is short and printable; else a new one. From any thread.
std::string MakeRequestId(std::string_view given);

}  // namespace holdfast
