// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "ipc/message.h"

// What is accepted means exactly its bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  const auto message = Decode(ByteView(bytes, size));
  if (!message) return 0;
  const EncodedMessage again = Encode(*message);
  if (!std::equal(again.begin(), again.end(), bytes, bytes + size)) std::abort();
  return 0;
}
