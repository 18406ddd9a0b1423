// SPDX-License-Identifier: Apache-2.0
#include "gateway/tls/port_tls.h"

#include <utility>

namespace holdfast {

Status PortTls::Use(const PortCredentials& credentials) {
  TlsContext http = TRY(MakeServerContext(credentials, TlsPort::kHttp));
  TlsContext grpc = TRY(MakeServerContext(credentials, TlsPort::kGrpc));
  http_ = std::move(http);
  grpc_ = std::move(grpc);
  return {};
}

SSL* PortTls::NewSession(TlsPort port) const {
  const TlsContext& context = port == TlsPort::kHttp ? http_ : grpc_;
  return context == nullptr ? nullptr : SSL_new(context.get());
}

}  // namespace holdfast
