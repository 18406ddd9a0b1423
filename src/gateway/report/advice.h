// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/death_cause.h"
#include "base/reason.h"

namespace holdfast {

// What an operator is to do about it, in a sentence or two; empty where there is nothing to do.
// docs/operate.md and api/errors.md say more.
std::string_view AdviceOn(Reason reason);
std::string_view AdviceOn(DeathCause cause);

}  // namespace holdfast
