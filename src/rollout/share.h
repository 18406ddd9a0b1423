// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace holdfast {

// Whether a request is of the `percent` that a version gets. A request that is sent again under its
// id goes the same way; `salt`: whose share it is, so that versions get different ones.
bool InShare(std::string_view request_id, std::string_view salt, double percent);

}  // namespace holdfast
