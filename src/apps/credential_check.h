// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ipc/port_credentials.h"

namespace holdfast {

// Whether a gateway can use these contents: kBadModel, with the flag and what to do, if not.
Status CheckCredentials(const PortCredentials& contents);

}  // namespace holdfast
