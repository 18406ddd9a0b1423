// SPDX-License-Identifier: Apache-2.0
#include "gateway/disconnect.h"

#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "base/time.h"
#include "gateway/coroutine.h"

namespace holdfast {
namespace {

namespace asio = boost::asio;

// How often to look whether a client that has sent something more is still there.
constexpr auto kHangUpCheck = std::chrono::milliseconds(100);

// Whether the other side sends no more, whatever of it is still unread.
bool HasHungUp(int socket) {
  pollfd entry{.fd = socket, .events = POLLRDHUP, .revents = 0};
  return ::poll(&entry, 1, 0) > 0;
}

}  // namespace

asio::awaitable<void> AwaitDisconnect(TcpOrTlsStream& stream) {
  auto& socket = stream.tcp().socket();
  const auto [error] = co_await socket.async_wait(asio::socket_base::wait_read, kUse);
  if (error) co_return;
  char byte = 0;
  const ssize_t peeked = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (peeked <= 0) co_return;
  // With TLS it may be a goodbye, which nobody but OpenSSL can read: the end comes right after.
  const bool may_be_goodbye = stream.tls() != nullptr;
  asio::steady_timer pause(stream.get_executor(), TimePoint::max());
  while (!may_be_goodbye || !HasHungUp(socket.native_handle())) {
    if (may_be_goodbye) pause.expires_after(kHangUpCheck);
    const auto [cancelled] = co_await pause.async_wait(kUse);
    if (cancelled) co_return;
  }
}

}  // namespace holdfast
