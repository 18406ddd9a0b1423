// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "gateway/http/face.h"
#include "gateway/server_state.h"

namespace holdfast {

// Serves one client connection until it ends: requests in their order, each admitted or refused
// before its body is read, each answered once. Never throws.
boost::asio::awaitable<void> ServeConnection(boost::asio::ip::tcp::socket socket,
                                             ServerState& state, Audience audience);

}  // namespace holdfast
