// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.h"
#include "base/drill_fault.h"
#include "base/result.h"

namespace holdfast {

// The body of POST /debug/drill: {"fault": "kill"}. kBadRequest for anything else.
Result<DrillFault> ParseDrillOrder(ByteView body);

}  // namespace holdfast
