// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>

#include "gateway/tls/tcp_or_tls_stream.h"

namespace holdfast {

// Ends a connection so that what was written last arrives. Closing with unread bytes would send a
// reset, which destroys an answer on its way: our side is closed first, and what the client still
// sends is read, within bounds. The socket is closed with the stream.
boost::asio::awaitable<void> Linger(TcpOrTlsStream& stream);

}  // namespace holdfast
