// SPDX-License-Identifier: Apache-2.0
#include "gateway/tls_handshake.h"

#include <array>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/error.hpp>
#include <cstdint>

#include "base/bytes.h"
#include "gateway/coroutine.h"
#include "gateway/linger.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

namespace asio = boost::asio;

constexpr std::uint8_t kHandshakeRecord = 22;  // What every TLS client's first byte is.
constexpr std::size_t kHelloBytes = KiB(4);    // Most of them fit; the rest is read as it comes.

HandshakeFailure FailureOf(const boost::system::error_code& error) {
  if (error == boost::beast::error::timeout) return HandshakeFailure::kTimeout;
  if (error.category() != asio::error::get_ssl_category()) return HandshakeFailure::kClosed;
  return HandshakeFailureOf(static_cast<unsigned long>(error.value()));
}

}  // namespace

asio::awaitable<Handshake> ShakeHands(TcpOrTlsStream& stream, ServerState& state, TlsPort port) {
  const SlowHeaders::Entry waiting(state.slow_headers, Now(), [&stream] { stream.tcp().close(); });
  stream.tcp().expires_after(state.options.header_timeout);
  std::array<std::uint8_t, kHelloBytes> hello;
  const auto [unread, bytes] = co_await stream.tcp().async_read_some(asio::buffer(hello), kUse);
  if (unread) {
    // Whoever only opens and closes a connection looks whether somebody listens.
    if (unread == boost::beast::error::timeout) {
      state.metrics.HandshakeFailed(port, HandshakeFailure::kTimeout);
    }
    co_return Handshake::kFailed;
  }
  if (hello[0] != kHandshakeRecord) {
    state.metrics.HandshakeFailed(port, HandshakeFailure::kPlain);
    co_return Handshake::kPlain;
  }
  const auto [error, taken] = co_await stream.tls()->async_handshake(
      asio::ssl::stream_base::server, asio::buffer(hello.data(), bytes), kUse);
  if (!error) co_return Handshake::kDone;
  const HandshakeFailure failure = FailureOf(error);
  state.metrics.HandshakeFailed(port, failure);
  // With TLS 1.3 a client may have sent its first request already: what tells it why must arrive.
  stream.DropTls();
  if (failure != HandshakeFailure::kTimeout) co_await Linger(stream);
  co_return Handshake::kFailed;
}

}  // namespace holdfast
