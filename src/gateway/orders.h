// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "base/bytes.h"
#include "gateway/http/face.h"
#include "gateway/server_state.h"

namespace holdfast {

// Gives the supervisor an order with its text, and waits until it is carried out or has failed.
// kDeadlineExceeded: it is not, after six minutes; a load may take five.
boost::asio::awaitable<Status> OrderModel(ServerState& state, ModelOrder order, std::string text);

// Whether a request asks the server to do something with its models or workers.
bool IsOrder(const Route& route);
// Whether such a request's words are in a body; else one that it may have is not looked at.
bool HasOrderBody(const Route& route);

// Does it: the answer when it is done, or why it is not. `body` as HasOrderBody() has it.
boost::asio::awaitable<Result<HttpAnswer>> CarryOutOrder(ServerState& state, const Route& route,
                                                         ByteView body);

}  // namespace holdfast
