// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "gateway/tls/tls_context.h"

namespace holdfast {

// What new connections of the public ports are served with. Replaced as a whole: connections that
// are open keep what they began with. Lives on the gateway's loop.
class PortTls {
 public:
  // From here on these are used. An error changes nothing.
  Status Use(const PortCredentials& credentials);

  bool on() const { return http_ != nullptr; }
  // A session for one connection, which its taker frees. Null: the port speaks no TLS.
  SSL* NewSession(TlsPort port) const;
  // Unix time, in seconds; 0 without TLS.
  std::int64_t certificate_end() const { return on() ? CertificateEnd(*http_) : 0; }

 private:
  TlsContext http_;
  TlsContext grpc_;
};

}  // namespace holdfast
