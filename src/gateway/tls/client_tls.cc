// SPDX-License-Identifier: Apache-2.0
#include "gateway/tls/client_tls.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <array>

namespace holdfast {
namespace {

bool IsAddress(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

}  // namespace

Result<TlsContext> MakeClientContext(const std::string& ca) {
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) {
    return Error{Reason::kInternal, "TLS cannot be set up: " + TakeOpenSslError()};
  }
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const int loaded = ca.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                : SSL_CTX_load_verify_file(context.get(), ca.c_str());
  if (loaded != 1) {
    return Error{Reason::kUsage, fmt::format("--tls-ca: {} cannot be used ({}); give a PEM file of "
                                             "the server's authority",
                                             ca, TakeOpenSslError())};
  }
  return context;
}

Result<SSL*> NewClientSession(SSL_CTX& context, const std::string& host) {
  std::unique_ptr<SSL, OpenSslFree<SSL_free>> session(SSL_new(&context));
  if (session == nullptr) return Error{Reason::kInternal, "TLS: " + TakeOpenSslError()};
  X509_VERIFY_PARAM* const verification = SSL_get0_param(session.get());
  const bool named =
      IsAddress(host)
          ? X509_VERIFY_PARAM_set1_ip_asc(verification, host.c_str()) == 1
          : SSL_set1_host(session.get(), host.c_str()) == 1 &&
                SSL_ctrl(session.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                         const_cast<char*>(host.c_str())) == 1;
  if (!named) return Error{Reason::kUsage, fmt::format("\"{}\" is no host for TLS", host)};
  return session.release();
}

}  // namespace holdfast
