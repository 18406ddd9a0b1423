// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace holdfast {

// Addresses of the server that this machine runs, as far as `environment` (and the file that
// HOLDFAST_CONFIG names) tells. They look at port and address alone, so that a setting which only
// the server's flags complete cannot make a healthy server look sick.

// http://ADDRESS:PORT/healthz; of the admin port where the HTTP port speaks TLS.
Result<std::string> LocalHealthUrl(const std::map<std::string, std::string>& environment);
// http://ADDRESS:PORT of the admin port.
Result<std::string> LocalAdminUrl(const std::map<std::string, std::string>& environment);

}  // namespace holdfast
