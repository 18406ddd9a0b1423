// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "base/bytes.h"
#include "base/http_url.h"
#include "base/result.h"
#include "gateway/client/server_answer.h"

namespace holdfast {

struct RemoteClassifyOptions {
  HttpUrl server;       // Its path, if any, goes before /classify.
  std::string model;    // "NAME" or "NAME/VERSION"; empty: the server's default model.
  std::size_t top = 5;  // Predictions to ask for.
  std::chrono::milliseconds timeout{30'000};
};

// Posts one encoded image to a server's /classify. A refusal keeps the server's own reason and
// words; kUnavailable where there is no answer, kInternal where it is none of a holdfast server.
Result<RemoteClassification> ClassifyRemotely(const RemoteClassifyOptions& options, ByteView image);

}  // namespace holdfast
