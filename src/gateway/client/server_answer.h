// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/client/http_client.h"

namespace holdfast {

// What a server writes ends up on a terminal: no control characters, and not without end.
std::string Printable(std::string_view text);

// An answer that is not 200, as an error: with the server's own reason and words where it is one of
// ours, kUnavailable or kInternal where it is not.
Error RefusalOf(const ClientAnswer& answer);

}  // namespace holdfast
