// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "gateway/server_state.h"

namespace holdfast {

// Orders the supervisor to load or unload a model, and waits until that is done or has failed.
// kDeadlineExceeded: it is not, after six minutes; a load may take five.
boost::asio::awaitable<Status> OrderModel(ServerState& state, ModelOrder order, std::string model);

}  // namespace holdfast
