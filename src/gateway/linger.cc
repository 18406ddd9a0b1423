// SPDX-License-Identifier: Apache-2.0
#include "gateway/linger.h"

#include <array>
#include <chrono>
#include <cstdint>

#include "base/bytes.h"
#include "gateway/coroutine.h"

namespace holdfast {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kDrainBytesMax = MiB(128);
constexpr auto kDrainTime = std::chrono::seconds(2);

}  // namespace

asio::awaitable<void> Linger(TcpOrTlsStream& stream) {
  TcpOrTlsStream::Tcp& tcp = stream.tcp();
  tcp.expires_after(kDrainTime);
  // TLS's own goodbye, and the client's: whatever comes instead of that ends the wait for it.
  if (stream.tls() != nullptr) co_await stream.tls()->async_shutdown(kUse);
  boost::system::error_code ignored;
  tcp.socket().shutdown(asio::socket_base::shutdown_send, ignored);
  std::array<std::uint8_t, KiB(16)> discarded{};
  for (std::size_t total = 0; total < kDrainBytesMax;) {
    const auto [error, bytes] = co_await tcp.async_read_some(asio::buffer(discarded), kUse);
    if (error) co_return;
    total += bytes;
  }
}

}  // namespace holdfast
