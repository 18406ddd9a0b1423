// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "gateway/http/face.h"
#include "ipc/message.h"

namespace holdfast {

// Whether the route is an operator's order that the supervisor carries out.
bool IsModelOrder(const Route& route);

// The order that such a route is, and the text that goes with it.
ModelOrder OrderOf(const Route& route);
std::string TextOfOrder(const Route& route);

}  // namespace holdfast
