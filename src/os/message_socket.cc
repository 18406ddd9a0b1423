// SPDX-License-Identifier: Apache-2.0
#include "os/message_socket.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "os/system_error.h"

namespace holdfast {
namespace {

struct ControlBuffer {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kDescriptorsMax)> bytes{};
};

std::vector<UniqueFd> TakeDescriptors(msghdr& header) {
  std::vector<UniqueFd> taken;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
      taken.emplace_back(fd);
    }
  }
  return taken;
}

}  // namespace

Result<std::pair<UniqueFd, UniqueFd>> MessageSocketPair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return SystemError("make a socket pair");
  }
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Status SendMessage(int socket, ByteView message, std::span<const int> descriptors,
                   Blocking blocking) {
  CHECK(descriptors.size() <= kDescriptorsMax);
  iovec part{const_cast<std::uint8_t*>(message.data()), message.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  ControlBuffer buffer;
  if (!descriptors.empty()) {
    header.msg_control = buffer.bytes.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(control), descriptors.data(), descriptors.size_bytes());
  }
  const int flags = MSG_NOSIGNAL | (blocking == Blocking::kNo ? MSG_DONTWAIT : 0);
  ssize_t sent = -1;
  do {
    sent = ::sendmsg(socket, &header, flags);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return SystemError("send a message", Reason::kUnavailable);
  return {};
}

Received ReceiveMessage(int socket, std::span<std::uint8_t> buffer, Blocking blocking) {
  const int flags = MSG_CMSG_CLOEXEC | (blocking == Blocking::kNo ? MSG_DONTWAIT : 0);
  bool was_reset = false;
  for (;;) {
    iovec part{buffer.data(), buffer.size()};
    ControlBuffer control;
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.bytes.data();
    header.msg_controllen = control.bytes.size();
    const ssize_t size = ::recvmsg(socket, &header, flags);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return {Received::Kind::kNothingYet, 0, {}};
      // A peer that died with a message unread gives a reset *before* what it had sent. That is
      // still there, and may be a finished answer: read on.
      if (errno == ECONNRESET && !was_reset) {
        was_reset = true;
        continue;
      }
      return {};
    }
    std::vector<UniqueFd> descriptors = TakeDescriptors(header);
    const bool whole = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
    if (size == 0 || !whole) return {};
    return {Received::Kind::kMessage, static_cast<std::size_t>(size), std::move(descriptors)};
  }
}

}  // namespace holdfast
