// SPDX-License-Identifier: Apache-2.0
#include "gateway/tls/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <climits>
#include <ctime>

namespace holdfast {
namespace {

using Bio = std::unique_ptr<BIO, OpenSslFree<BIO_free>>;
using Certificate = std::unique_ptr<X509, OpenSslFree<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, OpenSslFree<EVP_PKEY_free>>;

// With TLS 1.2 only what has forward secrecy and authenticated encryption; HTTP/2 forbids the rest.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::string_view kSessionName = "holdfast";

Error Wrong(std::string_view flag, std::string_view what) {
  return {Reason::kBadModel, fmt::format("{}: {}", flag, what)};
}

// With OpenSSL's own words, which say what a person could not guess.
Error Wrong(std::string_view flag, std::string_view what, std::string_view advice) {
  return Wrong(flag, fmt::format("{} ({}); {}", what, TakeOpenSslError(), advice));
}

Bio ReaderOf(const std::string& text) {
  return Bio(
      BIO_new_mem_buf(text.data(), static_cast<int>(std::min<std::size_t>(text.size(), INT_MAX))));
}

// A server has nobody to ask for a password.
int NoPassword(char*, int, int, void*) { return -1; }

// The next certificate of a file; nothing at its end.
Certificate NextCertificate(BIO& reader) {
  return Certificate(PEM_read_bio_X509(&reader, nullptr, NoPassword, nullptr));
}

// Whether the last complaint was that no further PEM block is there.
bool AtEnd() {
  const unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

Status UseCertificate(SSL_CTX& context, const std::string& text) {
  constexpr std::string_view kFlag = "--tls-certificate";
  const Bio reader = ReaderOf(text);
  const Certificate own = NextCertificate(*reader);
  if (own == nullptr) {
    return Wrong(kFlag, "holds no certificate", "give a PEM file: BEGIN CERTIFICATE");
  }
  if (SSL_CTX_use_certificate(&context, own.get()) != 1) {
    return Wrong(kFlag, "the certificate cannot be used", "RSA keys need 2048 bits");
  }
  for (;;) {
    Certificate next = NextCertificate(*reader);
    if (next == nullptr) break;
    if (SSL_CTX_add0_chain_cert(&context, next.get()) != 1) {
      return Wrong(kFlag, "one of the chain cannot be used", "leave it out, or mend it");
    }
    (void)next.release();
  }
  if (!AtEnd()) return Wrong(kFlag, "a certificate is broken", "give the whole chain as PEM");
  ERR_clear_error();
  return {};
}

Status UseKey(SSL_CTX& context, const std::string& text) {
  constexpr std::string_view kFlag = "--tls-key";
  const Bio reader = ReaderOf(text);
  const PrivateKey key(PEM_read_bio_PrivateKey(reader.get(), nullptr, NoPassword, nullptr));
  if (key == nullptr) {
    return Wrong(kFlag, "holds no key that can be read",
                 "give a PEM file without a password: BEGIN PRIVATE KEY");
  }
  if (SSL_CTX_use_PrivateKey(&context, key.get()) != 1 ||
      SSL_CTX_check_private_key(&context) != 1) {
    return Wrong(kFlag, "is not the key of --tls-certificate",
                 "give the two that were made together, the server's own certificate first");
  }
  return {};
}

Status AskForClientCertificates(SSL_CTX& context, const std::string& text) {
  constexpr std::string_view kFlag = "--tls-client-ca";
  const Bio reader = ReaderOf(text);
  std::size_t authorities = 0;
  for (;; ++authorities) {
    const Certificate authority = NextCertificate(*reader);
    if (authority == nullptr) break;
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(&context), authority.get()) != 1 ||
        SSL_CTX_add_client_CA(&context, authority.get()) != 1) {
      return Wrong(kFlag, "a certificate cannot be used", "leave it out, or mend it");
    }
  }
  if (authorities == 0 || !AtEnd()) {
    return Wrong(kFlag, "holds no certificate, or a broken one",
                 "give a PEM file of authorities: BEGIN CERTIFICATE");
  }
  ERR_clear_error();
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

// Protocol names as ALPN has them: each after its length.
constexpr std::string_view kHttpProtocols = "\x08http/1.1";
constexpr std::string_view kGrpcProtocols = "\x02h2";

int ChooseProtocol(SSL*, const unsigned char** chosen, unsigned char* length,
                   const unsigned char* offered, unsigned offered_length, void* ours) {
  const auto& protocols = *static_cast<const std::string_view*>(ours);
  unsigned char* found = nullptr;
  const int outcome = SSL_select_next_proto(
      &found, length, reinterpret_cast<const unsigned char*>(protocols.data()),
      static_cast<unsigned>(protocols.size()), offered, offered_length);
  if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

std::string_view TlsPortName(TlsPort port) { return port == TlsPort::kHttp ? "http" : "grpc"; }

Result<TlsContext> MakeServerContext(const PortCredentials& credentials, TlsPort port) {
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) {
    return Error{Reason::kInternal, "TLS cannot be set up: " + TakeOpenSslError()};
  }
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), kCiphers);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  // An idle connection shall not hold the buffers of a busy one.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_id_context(context.get(),
                                 reinterpret_cast<const unsigned char*>(kSessionName.data()),
                                 kSessionName.size());
  TRY_DO(UseCertificate(*context, credentials.certificate));
  TRY_DO(UseKey(*context, credentials.key));
  if (!credentials.client_ca.empty()) {
    TRY_DO(AskForClientCertificates(*context, credentials.client_ca));
  }
  const std::string_view* protocols = port == TlsPort::kHttp ? &kHttpProtocols : &kGrpcProtocols;
  SSL_CTX_set_alpn_select_cb(context.get(), ChooseProtocol,
                             const_cast<std::string_view*>(protocols));
  return context;
}

std::int64_t CertificateEnd(const SSL_CTX& context) {
  const X509* const certificate = SSL_CTX_get0_certificate(&context);
  std::tm end{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) {
    return 0;
  }
  return ::timegm(&end);
}

std::string TakeOpenSslError() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  if (error == 0) return "no cause is told";
  const char* const words = ERR_reason_error_string(error);
  return words == nullptr ? fmt::format("error {:x}", error) : std::string(words);
}

}  // namespace holdfast
