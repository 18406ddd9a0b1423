// SPDX-License-Identifier: Apache-2.0
#include "gateway/supervisor_link.h"

namespace holdfast {

SupervisorLink::SupervisorLink(boost::asio::io_context& loop, UniqueFd socket, Events events)
    : channel_(std::move(socket)), waiter_(loop, channel_.fd()), events_(std::move(events)) {
  Watch();
}

SupervisorLink::~SupervisorLink() { (void)waiter_.release(); }

void SupervisorLink::Watch() {
  waiter_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                     [this](const boost::system::error_code& error) {
                       if (error) return;
                       for (;;) {
                         Channel::Incoming incoming;
                         const auto state = channel_.Receive(incoming);
                         if (state == Channel::State::kNothingYet) break;
                         if (state == Channel::State::kClosed) {
                           events_.closed();
                           return;
                         }
                         events_.message(std::move(incoming));
                       }
                       Watch();
                     });
}

}  // namespace holdfast
