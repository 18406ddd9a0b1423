// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model_folders.h"

namespace tensorflow::serving {
class ModelServerConfig;
}

namespace holdfast {

// The models that a ModelServerConfig of TensorFlow Serving lists (api/tensorflow_config.proto).
// kBadModel: it holds something else, or the list is not in order; all problems at once.
Result<std::vector<ServedModel>> ServedModelsFrom(
    const tensorflow::serving::ModelServerConfig& config);

// The same from protobuf's text form, with line and column of what is not understood.
Result<std::vector<ServedModel>> ParseModelConfigList(std::string_view text);

// The same from a file. kNotFound: it cannot be read.
Result<std::vector<ServedModel>> ReadModelConfigFile(const std::filesystem::path& file);

}  // namespace holdfast
