// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// The Error of a system call that has just failed: "`what`: `strerror(errno)`".
inline Error SystemError(std::string_view what, Reason reason = Reason::kInternal) {
  return Error{reason, std::string(what) + ": " + std::strerror(errno)};
}

}  // namespace holdfast
