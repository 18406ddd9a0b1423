// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/model_folders.h"

namespace holdfast {

// Where models lie, as JSON, for the supervisor's word to a scout.
std::string EncodeModelFolders(const ModelFolders& folders);
// kBadRequest for anything else.
Result<ModelFolders> DecodeModelFolders(std::string_view json);

}  // namespace holdfast
