// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <optional>
#include <utility>

namespace holdfast {

// A connection's bytes, with or without TLS around them: an asynchronous stream in Asio's sense.
// Timeouts are those of the TCP stream below, and end it.
class TcpOrTlsStream {
 public:
  using Tcp = boost::beast::tcp_stream;
  using Tls = boost::asio::ssl::stream<Tcp&>;
  using executor_type = Tcp::executor_type;

  // `session`: null for no TLS; it is freed with the stream. There is no handshake yet.
  TcpOrTlsStream(boost::asio::ip::tcp::socket socket, SSL* session) : tcp_(std::move(socket)) {
    if (session != nullptr) tls_.emplace(tcp_, session);
  }

  executor_type get_executor() { return tcp_.get_executor(); }
  Tcp& tcp() { return tcp_; }
  Tls* tls() { return tls_ ? &*tls_ : nullptr; }
  // What comes is no TLS after all: from here on nothing is, in either direction.
  void DropTls() { tls_.reset(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    if (tls_) return tls_->async_read_some(buffers, std::forward<Token>(token));
    return tcp_.async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    if (tls_) return tls_->async_write_some(buffers, std::forward<Token>(token));
    return tcp_.async_write_some(buffers, std::forward<Token>(token));
  }

 private:
  Tcp tcp_;
  std::optional<Tls> tls_;
};

}  // namespace holdfast
