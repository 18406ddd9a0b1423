// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "gateway/tls/tls_context.h"

namespace holdfast {

// What a client asks servers with: TLS 1.2 or newer. It trusts the authorities in the file `ca`, or
// the system's where that is empty. kUsage for a file that cannot be used.
Result<TlsContext> MakeClientContext(const std::string& ca);

// A session that accepts nobody but `host`, a name or an address. Its taker frees it.
Result<SSL*> NewClientSession(SSL_CTX& context, const std::string& host);

}  // namespace holdfast
