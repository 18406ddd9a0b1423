// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "gateway/client/http_url.h"

namespace holdfast {

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

struct RemoteClassifyOptions {
  HttpUrl server;       // Its path, if any, goes before /classify.
  std::string model;    // "NAME" or "NAME/VERSION"; empty: the server's default model.
  std::size_t top = 5;  // Predictions to ask for.
  std::chrono::milliseconds timeout{30'000};
};

// Posts one encoded image to a server's /classify. A refusal keeps the server's own reason and
// words; kUnavailable where there is no answer, kInternal where it is none of a holdfast server.
Result<RemoteClassification> ClassifyRemotely(const RemoteClassifyOptions& options, ByteView image);

// Reads the body of a /classify answer.
Result<RemoteClassification> ParseClassification(const std::string& json);

}  // namespace holdfast
