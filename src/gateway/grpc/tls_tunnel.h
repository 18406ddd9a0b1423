// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>

#include "gateway/server_state.h"

namespace holdfast {

// Ends TLS before gRPC: it shakes hands with the client, gives gRPC one end of a socket pair by
// `adopt`, which owns it from then on, and carries bytes between the two until one of them ends.
// gRPC's library can take an accepted connection only in the clear; and so both ports have one TLS.
// Counts as a connection from begin to end.
boost::asio::awaitable<void> ServeGrpcOverTls(boost::asio::ip::tcp::socket socket,
                                              ServerState& state, std::function<void(int)> adopt);

}  // namespace holdfast
