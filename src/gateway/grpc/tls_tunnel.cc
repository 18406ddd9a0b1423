// SPDX-License-Identifier: Apache-2.0
#include "gateway/grpc/tls_tunnel.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "gateway/coroutine.h"
#include "gateway/linger.h"
#include "gateway/tls_handshake.h"

namespace holdfast {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kPieceBytes = KiB(16);  // What a TLS record holds.
// For a client to take a piece, and to go once gRPC is done with it.
constexpr auto kPieceTime = std::chrono::seconds(30);
constexpr auto kLastBytesTime = std::chrono::seconds(2);

class Tunnel : public std::enable_shared_from_this<Tunnel> {
 public:
  Tunnel(asio::ip::tcp::socket socket, ServerState& state)
      : state_(state),
        outside_(std::move(socket), state.tls.NewSession(TlsPort::kGrpc)),
        inside_(outside_.get_executor()),
        limit_(outside_.get_executor()) {}

  asio::awaitable<void> Run(const std::function<void(int)>& adopt) {
    const Handshake outcome = co_await ShakeHands(outside_, state_, TlsPort::kGrpc);
    if (outcome == Handshake::kPlain) {
      outside_.DropTls();
      co_await Linger(outside_);
    }
    if (outcome != Handshake::kDone || !Connect(adopt)) co_return;
    outside_.tcp().expires_never();
    using asio::experimental::awaitable_operators::operator&&;
    co_await (CarryIn() && CarryOut());
  }

 private:
  using Piece = std::array<std::uint8_t, kPieceBytes>;

  bool Connect(const std::function<void(int)>& adopt) {
    std::array<int, 2> ends{};
    constexpr int kType = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    if (::socketpair(AF_UNIX, kType, 0, ends.data()) != 0) return false;  // No descriptors left.
    inside_.assign(asio::local::stream_protocol(), ends[0]);
    adopt(ends[1]);
    return true;
  }

  // From the client to gRPC. What comes after gRPC's end is read all the same: a reset would
  // destroy what gRPC said last.
  asio::awaitable<void> CarryIn() {
    for (;;) {
      const auto [error, bytes] = co_await outside_.async_read_some(asio::buffer(in_), kUse);
      if (error) break;
      co_await asio::async_write(inside_, asio::buffer(in_.data(), bytes), kUse);
    }
    client_gone_ = true;
    limit_.cancel();
    CloseInside();
  }

  // From gRPC to the client. A drain waits for what is in between, as for any answer.
  asio::awaitable<void> CarryOut() {
    for (;;) {
      const auto [error, bytes] = co_await inside_.async_read_some(asio::buffer(out_), kUse);
      if (error) break;
      ++state_.unwritten;
      CloseAfter(kPieceTime);
      const auto [broken, written] =
          co_await asio::async_write(outside_, asio::buffer(out_.data(), bytes), kUse);
      limit_.cancel();
      state_.AnswerWritten();
      if (broken) break;
    }
    CloseInside();
    boost::system::error_code ignored;
    outside_.tcp().socket().shutdown(asio::socket_base::shutdown_send, ignored);
    if (!client_gone_) CloseAfter(kLastBytesTime);
  }

  void CloseInside() {
    boost::system::error_code ignored;
    inside_.close(ignored);
  }

  // The stream's own limit would hold for both directions, and a client may be silent for hours.
  void CloseAfter(Duration time) {
    limit_.expires_after(time);
    limit_.async_wait([self = shared_from_this()](const boost::system::error_code& cancelled) {
      if (!cancelled) self->outside_.tcp().close();
    });
  }

  ServerState& state_;
  TcpOrTlsStream outside_;
  asio::local::stream_protocol::socket inside_;
  asio::steady_timer limit_;
  bool client_gone_ = false;
  Piece in_;
  Piece out_;
};

}  // namespace

asio::awaitable<void> ServeGrpcOverTls(asio::ip::tcp::socket socket, ServerState& state,
                                       std::function<void(int)> adopt) {
  ++state.connections;
  const auto tunnel = std::make_shared<Tunnel>(std::move(socket), state);
  co_await tunnel->Run(adopt);
  --state.connections;
}

}  // namespace holdfast
