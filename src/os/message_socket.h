// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "os/unique_fd.h"

namespace holdfast {

constexpr std::size_t kDescriptorsMax = 4;  // That one message may carry.

// Two ends of a socket that keeps message boundaries and tells when the other end is gone.
Result<std::pair<UniqueFd, UniqueFd>> MessageSocketPair();

enum class Blocking { kNo, kYes };

// Sends one message whole, with descriptors. kUnavailable: the peer is gone, or its queue is full
// (kNo); the message was not sent.
Status SendMessage(int socket, ByteView message, std::span<const int> descriptors,
                   Blocking blocking);

struct Received {
  enum class Kind { kMessage, kNothingYet, kClosed };
  Kind kind = Kind::kClosed;
  std::size_t size = 0;               // Bytes put into the caller's buffer.
  std::vector<UniqueFd> descriptors;  // Close-on-exec.
};

// Receives one message into `buffer`. A message that is longer than the buffer, or whose
// descriptors were lost on the way, closes the conversation: its sender is not to be understood.
Received ReceiveMessage(int socket, std::span<std::uint8_t> buffer, Blocking blocking);

}  // namespace holdfast
