// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "gateway/server_state.h"

namespace holdfast {

// Whether a request that shows `key` may be answered, counted under the key's name. Every face asks
// this, before anything of a model is told.
KeyKeeper::Verdict LetIn(ServerState& state, std::string_view key);

}  // namespace holdfast
