// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/http_url.h"
#include "base/result.h"

namespace holdfast {

struct ClientRequest {
  std::string method = "GET";
  HttpUrl url;
  std::string content_type;                                  // Sent where there is a body.
  ByteView body;                                             // Must live until the call returns.
  std::vector<std::pair<std::string, std::string>> headers;  // Beyond those that every one has.
  std::chrono::milliseconds connect_timeout{2000};
  std::chrono::milliseconds answer_timeout{10'000};  // From connected to the answer's last byte.
  std::size_t answer_bytes_max = MiB(8);
};

struct ClientAnswer {
  int status = 0;
  std::string body;
  std::string request_id;  // x-request-id; empty if the server sends none.
};

// One request over one connection; blocks. For commands, not for the server: no TLS, no redirects,
// no retries. An answer that arrives before the whole body is sent is taken as the answer.
// kUnavailable, with host and cause, when there is none: refused, timed out, closed early, garbage.
// The lookup of a host name is bounded by the system's resolver, not by connect_timeout.
Result<ClientAnswer> SendHttpRequest(const ClientRequest& request);

}  // namespace holdfast
