// SPDX-License-Identifier: Apache-2.0
#include "gateway/tls/tls_context.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <string>

#include "gateway/tls/handshake_failure.h"
#include "gateway/tls/port_tls.h"

namespace holdfast {
namespace {

using Key = std::unique_ptr<EVP_PKEY, OpenSslFree<EVP_PKEY_free>>;

std::string TextOf(BIO* writer) {
  char* text = nullptr;
  const auto size = static_cast<std::size_t>(BIO_ctrl(writer, BIO_CTRL_INFO, 0, &text));
  std::string copy(text, size);
  BIO_free(writer);
  return copy;
}

std::string PemOf(EVP_PKEY& key) {
  BIO* const writer = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(writer, &key, nullptr, nullptr, 0, nullptr, nullptr);
  return TextOf(writer);
}

// A certificate that signs itself, for `seconds` from now.
std::string CertificateFor(EVP_PKEY& key, long seconds = 3600) {
  const std::unique_ptr<X509, OpenSslFree<X509_free>> certificate(X509_new());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), seconds);
  X509_set_pubkey(certificate.get(), &key);
  X509_sign(certificate.get(), &key, EVP_sha256());
  BIO* const writer = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(writer, certificate.get());
  return TextOf(writer);
}

class TlsContextTest : public testing::Test {
 protected:
  Error Refusal(const PortCredentials& credentials) {
    auto context = MakeServerContext(credentials, TlsPort::kHttp);
    EXPECT_FALSE(context);
    return context ? Error{Reason::kOk, ""} : context.error();
  }

  Key key_{EVP_EC_gen("P-256")};
  PortCredentials good_{.certificate = CertificateFor(*key_), .key = PemOf(*key_), .client_ca = {}};
};

TEST_F(TlsContextTest, TakesACertificateWithItsKey) {
  const auto context = MakeServerContext(good_, TlsPort::kHttp);
  ASSERT_TRUE(context) << context.error().message;
  EXPECT_NEAR(static_cast<double>(CertificateEnd(**context)),
              static_cast<double>(std::time(nullptr) + 3600), 5);
}

TEST_F(TlsContextTest, NamesTheFlagOfWhatIsWrong) {
  const Key other(EVP_EC_gen("P-256"));
  const auto refusal = [&](auto change) {
    PortCredentials credentials = good_;
    change(credentials);
    const Error error = Refusal(credentials);
    EXPECT_EQ(error.reason, Reason::kBadModel);
    return error.message;
  };
  using C = PortCredentials;
  EXPECT_TRUE(
      refusal([](C& c) { c.certificate = "x"; }).starts_with("--tls-certificate: holds no"));
  EXPECT_TRUE(refusal([](C& c) {
                c.certificate += "-----BEGIN CERTIFICATE-----\nAA\n";
              }).starts_with("--tls-certificate: a certificate is broken"));
  EXPECT_TRUE(refusal([](C& c) { c.key = c.certificate; }).starts_with("--tls-key: holds no key"));
  EXPECT_TRUE(
      refusal([&](C& c) { c.key = PemOf(*other); }).starts_with("--tls-key: is not the key"));
  EXPECT_TRUE(refusal([](C& c) { c.client_ca = c.key; }).starts_with("--tls-client-ca: holds no"));
}

TEST_F(TlsContextTest, KeepsWhatServesWhenTheNewOneIsBroken) {
  PortTls tls;
  EXPECT_FALSE(tls.on());
  EXPECT_EQ(tls.NewSession(TlsPort::kGrpc), nullptr);
  ASSERT_TRUE(tls.Use(good_));
  const auto end = tls.certificate_end();
  PortCredentials broken = good_;
  broken.key.clear();
  EXPECT_FALSE(tls.Use(broken));
  EXPECT_TRUE(tls.on());
  EXPECT_EQ(tls.certificate_end(), end);
  ASSERT_TRUE(tls.Use({.certificate = CertificateFor(*key_, 7200), .key = good_.key}));
  EXPECT_GT(tls.certificate_end(), end);
}

TEST(HandshakeFailure, IsToldByOpenSslsReason) {
  const auto failure = [](int reason) {
    return HandshakeFailureWord(
        HandshakeFailureOf(ERR_PACK(ERR_LIB_SSL, 0, static_cast<unsigned long>(reason))));
  };
  EXPECT_EQ(failure(SSL_R_NO_SHARED_CIPHER), "protocol");
  EXPECT_EQ(failure(SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE), "client-certificate-missing");
  EXPECT_EQ(failure(SSL_R_CERTIFICATE_VERIFY_FAILED), "client-certificate-refused");
  EXPECT_EQ(failure(SSL_R_TLSV1_ALERT_UNKNOWN_CA), "refused-by-client");
  EXPECT_EQ(failure(SSL_R_BAD_LENGTH), "other");
}

}  // namespace
}  // namespace holdfast
