// SPDX-License-Identifier: Apache-2.0
#include "apps/credential_check.h"

#include "gateway/access/api_keys.h"
#include "gateway/tls/port_tls.h"

namespace holdfast {

Status CheckCredentials(const PortCredentials& contents) {
  if (contents.tls()) TRY_DO(PortTls().Use(contents));
  if (!contents.api_keys.empty()) TRY_DO(ParseApiKeys(contents.api_keys));
  return {};
}

}  // namespace holdfast
