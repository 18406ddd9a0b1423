// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace holdfast {

struct TransportRequest {
  std::string method = "GET";
  std::string url;
  std::map<std::string, std::string> headers;
  std::string body;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{0};  // For all of it; 0: as long as bytes come.
  // Gets the body of a 2xx answer as it comes; false ends the transfer. Without: it is kept, at
  // most 16 MiB.
  std::function<bool(ByteView)> sink;
};

struct TransportReply {
  int status = 0;
  std::map<std::string, std::string> headers;  // Names in lower case.
  std::string body;                            // Unless the sink got it.
  // Why the body is not whole; empty: it is.
  std::string broken;
};

// HTTP and HTTPS, one request at a time; blocks. Redirects are not followed: they would carry a
// signature elsewhere.
class Transport {
 public:
  virtual ~Transport() = default;
  // kUnavailable when no header came.
  virtual Result<TransportReply> Send(const TransportRequest& request) = 0;
};

// By libcurl, which takes proxies and authorities from the environment as usual.
std::unique_ptr<Transport> MakeCurlTransport();

}  // namespace holdfast
