// SPDX-License-Identifier: Apache-2.0
#include "gateway/tls/handshake_failure.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace holdfast {

std::string_view HandshakeFailureWord(HandshakeFailure failure) {
  switch (failure) {
    case HandshakeFailure::kTimeout:
      return "timeout";
    case HandshakeFailure::kClosed:
      return "closed";
    case HandshakeFailure::kPlain:
      return "plain";
    case HandshakeFailure::kProtocol:
      return "protocol";
    case HandshakeFailure::kClientCertificateMissing:
      return "client-certificate-missing";
    case HandshakeFailure::kClientCertificateRefused:
      return "client-certificate-refused";
    case HandshakeFailure::kRefusedByClient:
      return "refused-by-client";
    case HandshakeFailure::kOther:
      break;
  }
  return "other";
}

HandshakeFailure HandshakeFailureOf(unsigned long openssl_error) {
  const int reason = ERR_GET_REASON(openssl_error);
  switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_NO_APPLICATION_PROTOCOL:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
      return HandshakeFailure::kProtocol;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return HandshakeFailure::kClientCertificateMissing;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return HandshakeFailure::kClientCertificateRefused;
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
      return HandshakeFailure::kClosed;
    default:
      // An alert that the client sent has its number above this.
      return reason > SSL_AD_REASON_OFFSET ? HandshakeFailure::kRefusedByClient
                                           : HandshakeFailure::kOther;
  }
}

}  // namespace holdfast
