// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ipc/port_credentials.h"

namespace holdfast {

template <auto kFree>
struct OpenSslFree {
  template <class Object>
  void operator()(Object* object) const {
    kFree(object);
  }
};
using TlsContext = std::unique_ptr<SSL_CTX, OpenSslFree<SSL_CTX_free>>;

// Which protocol is spoken inside of TLS.
enum class TlsPort { kHttp, kGrpc };
std::string_view TlsPortName(TlsPort port);  // "http", "grpc".

// What a server's connections on this port are made from: TLS 1.2 with forward secrecy, or newer.
// kBadModel, with the flag and what to do, for a certificate or a key that is none, a key of
// another certificate, an authority that is none. What a handle was made from need not outlive it.
Result<TlsContext> MakeServerContext(const PortCredentials& credentials, TlsPort port);

// When the certificate ends, in seconds of Unix time.
std::int64_t CertificateEnd(const SSL_CTX& context);

// The words of OpenSSL's last complaint on this thread, which is taken.
std::string TakeOpenSslError();

}  // namespace holdfast
