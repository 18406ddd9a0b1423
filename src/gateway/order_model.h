// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "gateway/server_state.h"

namespace holdfast {

// Gives the supervisor an order with its text, and waits until it is carried out or has failed.
// kDeadlineExceeded: it is not, after six minutes; a load may take five.
boost::asio::awaitable<Status> OrderModel(ServerState& state, ModelOrder order, std::string text);

}  // namespace holdfast
