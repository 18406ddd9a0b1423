// SPDX-License-Identifier: Apache-2.0
#include "apps/credential_check.h"

#include "gateway/tls/port_tls.h"

namespace holdfast {

Status CheckCredentials(const PortCredentials& contents) {
  if (contents.tls()) TRY_DO(PortTls().Use(contents));
  return {};
}

}  // namespace holdfast
