// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>

#include "gateway/server_state.h"
#include "gateway/tls/tcp_or_tls_stream.h"

namespace holdfast {

enum class Handshake {
  kDone,
  kPlain,   // What the client speaks is no TLS; what it sent first is gone.
  kFailed,  // The client has been told why, as far as it listens.
};

// Begins TLS on a connection that has just been accepted. The client has as long for it as for a
// header, and goes first when others wait for a connection. Failures are counted, not logged: they
// cost a client nothing.
boost::asio::awaitable<Handshake> ShakeHands(TcpOrTlsStream& stream, ServerState& state,
                                             TlsPort port);

}  // namespace holdfast
