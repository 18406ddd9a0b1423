// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <optional>
#include <vector>

#include "ipc/message.h"
#include "os/message_socket.h"
#include "os/unique_fd.h"

namespace holdfast {

// One end of a conversation in Messages. Whoever breaks the grammar is treated as gone.
class Channel {
 public:
  Channel() = default;
  explicit Channel(UniqueFd socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }
  bool open() const { return static_cast<bool>(socket_); }
  void Close() { socket_.reset(); }
  [[nodiscard]] UniqueFd TakeSocket() { return std::move(socket_); }

  // Never blocks. False: the peer is gone or does not read; its end-of-file will say the rest.
  bool Send(const Message& message, std::initializer_list<int> descriptors = {}) const;

  struct Incoming {
    Message message;
    std::vector<UniqueFd> descriptors;
  };
  enum class State { kMessage, kNothingYet, kClosed };
  // Receives the next message into `incoming`. kClosed also when it is not a message of ours, or
  // has not the descriptors that its kind must have.
  State Receive(Incoming& incoming, Blocking blocking = Blocking::kNo) const;

 private:
  UniqueFd socket_;
};

// How many descriptors a message of `kind` carries.
std::size_t DescriptorsOf(MessageKind kind);

}  // namespace holdfast
