// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace holdfast {

// What a server answered, read out of bytes that may be anybody's. Texts are cut to 512 bytes and
// have no control characters: they go to a terminal.

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

// The body of a /classify answer; kInternal for anything else.
Result<RemoteClassification> ParseClassification(const std::string& json);

// The server's own reason and words; of a foreign answer what its status means.
Error RefusalOf(int status, const std::string& json);

}  // namespace holdfast
