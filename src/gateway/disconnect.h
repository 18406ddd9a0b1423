// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>

#include "gateway/tls/tcp_or_tls_stream.h"

namespace holdfast {

// Ends when the client is gone. A client that sends its next request early is not.
boost::asio::awaitable<void> AwaitDisconnect(TcpOrTlsStream& stream);

}  // namespace holdfast
