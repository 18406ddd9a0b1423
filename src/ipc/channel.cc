// SPDX-License-Identifier: Apache-2.0
#include "ipc/channel.h"

#include <span>

#include "base/check.h"

namespace holdfast {

bool Channel::Send(const Message& message, std::initializer_list<int> descriptors) const {
  CHECK(descriptors.size() == DescriptorsOf(message.kind));
  if (!open()) return false;
  const EncodedMessage bytes = Encode(message);
  return SendMessage(fd(), bytes, std::span(descriptors.begin(), descriptors.size()), Blocking::kNo)
      .has_value();
}

Channel::State Channel::Receive(Incoming& incoming, Blocking blocking) const {
  if (!open()) return State::kClosed;
  // One byte more than a message, so that a longer one is seen to be longer.
  std::array<std::uint8_t, kMessageBytes + 1> buffer{};
  Received received = ReceiveMessage(fd(), buffer, blocking);
  if (received.kind == Received::Kind::kNothingYet) return State::kNothingYet;
  if (received.kind == Received::Kind::kClosed) return State::kClosed;
  const Result<Message> message = Decode(ByteView(buffer.data(), received.size));
  if (!message || received.descriptors.size() != DescriptorsOf(message->kind)) {
    return State::kClosed;
  }
  incoming.message = *message;
  incoming.descriptors = std::move(received.descriptors);
  return State::kMessage;
}

std::size_t DescriptorsOf(MessageKind kind) {
  switch (kind) {
    case MessageKind::kForkWorker:
      return 3;
    case MessageKind::kWorker:
      return 2;
    case MessageKind::kLoaded:
    case MessageKind::kForked:
    case MessageKind::kServable:
    case MessageKind::kServables:
    case MessageKind::kCredentials:
    case MessageKind::kWorkerDied:
    case MessageKind::kModelOrder:
    case MessageKind::kModelOrderDone:
    case MessageKind::kConfigure:
    case MessageKind::kCredentialsSeen:
    case MessageKind::kOffers:
      return 1;
    default:
      return 0;
  }
}

}  // namespace holdfast
