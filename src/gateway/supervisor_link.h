// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <initializer_list>

#include "ipc/channel.h"

namespace holdfast {

// The conversation with the supervisor. When it ends, so does the gateway: nobody would replace its
// workers any more.
class SupervisorLink {
 public:
  struct Events {
    std::function<void(Channel::Incoming)> message;
    std::function<void()> closed;
  };
  SupervisorLink(boost::asio::io_context& loop, UniqueFd socket, Events events);
  ~SupervisorLink();

  void Send(const Message& message, std::initializer_list<int> descriptors = {}) {
    channel_.Send(message, descriptors);
  }

 private:
  void Watch();

  Channel channel_;
  boost::asio::posix::stream_descriptor waiter_;
  Events events_;
};

}  // namespace holdfast
