// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/client/http_client.h"

namespace holdfast {

// What a server writes ends up on a terminal: no control characters, and not without end.
std::string Printable(std::string_view text);

// An answer that is not 200, as an error: with the server's own reason and words where it is one of
// ours, kUnavailable or kInternal where it is not.
Error RefusalOf(const ClientAnswer& answer);

struct RemotePrediction {
  std::string label;
  std::uint64_t index = 0;
  double probability = 0;
};

struct RemoteClassification {
  std::string model;
  std::string version;
  std::vector<RemotePrediction> predictions;  // The most probable first.
};

// The body of a /classify answer, its texts made printable; kInternal for anything else.
Result<RemoteClassification> ParseClassification(const std::string& json);

}  // namespace holdfast
