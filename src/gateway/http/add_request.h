// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "ipc/add_order.h"

namespace holdfast {

// The body of SageMaker's POST /models: {"model_name": HASH, "url": "/opt/ml/models/HASH/model"}.
// kBadRequest for anything else, for a name that no path can have, and for a folder that does not
// lie below `root`: clients must not point the server at other files of its host.
Result<AddOrder> ParseAddRequest(ByteView body, std::string_view root);

}  // namespace holdfast
