// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/time.h"

namespace holdfast {

// The only reader of the time that timers use.
inline TimePoint Now() { return std::chrono::steady_clock::now(); }

}  // namespace holdfast
