// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace holdfast {

// Why a connection never came to speak TLS, as metrics count it.
enum class HandshakeFailure {
  kTimeout,
  kClosed,  // The client went away in the middle.
  kPlain,   // What came is no TLS.
  kProtocol,
  kClientCertificateMissing,
  kClientCertificateRefused,
  kRefusedByClient,  // It does not trust our certificate, most likely.
  kOther,
};

// "timeout", "client-certificate-missing".
std::string_view HandshakeFailureWord(HandshakeFailure failure);

// What an error of OpenSSL's, as its queue has it, comes to.
HandshakeFailure HandshakeFailureOf(unsigned long openssl_error);

}  // namespace holdfast
