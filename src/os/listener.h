// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "os/unique_fd.h"

namespace holdfast {

// A listening TCP socket and the port that it got.
struct Listener {
  UniqueFd socket;
  std::uint16_t port = 0;
};

// Binds `address` ("0.0.0.0", "::", "127.0.0.1", …) and `port` (0: any free one) and listens with a
// deep queue. kUnavailable when the port is in use, kUsage when the address is none.
Result<Listener> Listen(const std::string& address, std::uint16_t port);

}  // namespace holdfast
