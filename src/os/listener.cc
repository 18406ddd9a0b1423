// SPDX-License-Identifier: Apache-2.0
#include "os/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "os/system_error.h"

namespace holdfast {
namespace {

constexpr int kBacklog = 4096;  // Connections wait here while a new gateway starts.

}  // namespace

Result<Listener> Listen(const std::string& address, std::uint16_t port) {
  sockaddr_in6 v6{};
  sockaddr_in v4{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  const bool is_v6 = ::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1;
  if (!is_v6 && ::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) != 1) {
    return Error{Reason::kUsage, "\"" + address + "\" is no IP address to listen on"};
  }
  UniqueFd socket(
      ::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return SystemError("make a socket", Reason::kUnavailable);
  const int on = 1;
  const int off = 0;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (is_v6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  sockaddr_storage storage{};
  socklen_t length = is_v6 ? sizeof v6 : sizeof v4;
  std::memcpy(&storage, is_v6 ? static_cast<void*>(&v6) : static_cast<void*>(&v4), length);
  auto* generic = reinterpret_cast<sockaddr*>(&storage);
  if (::bind(socket.get(), generic, length) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    return SystemError("listen on " + address + " port " + std::to_string(port),
                       Reason::kUnavailable);
  }
  if (::getsockname(socket.get(), generic, &length) != 0) return SystemError("ask for the port");
  sockaddr_in6 bound6{};
  sockaddr_in bound4{};
  std::memcpy(&bound6, &storage, sizeof bound6);
  std::memcpy(&bound4, &storage, sizeof bound4);
  return Listener{std::move(socket), ntohs(is_v6 ? bound6.sin6_port : bound4.sin_port)};
}

}  // namespace holdfast
