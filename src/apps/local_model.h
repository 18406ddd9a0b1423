// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "apps/command_line.h"
#include "base/result.h"

namespace holdfast {

// The servable folder that `classify` without --server means: --model as a folder, or by name in
// --model-repository, HOLDFAST_MODEL_REPOSITORY or the demo's repository. kUsage where it is not
// clear which model is meant, kNotFound where there is none; both say what there is.
Result<std::filesystem::path> FindLocalModel(const ClassifyCommand& command,
                                             const std::map<std::string, std::string>& environment,
                                             const std::filesystem::path& executable_folder);

}  // namespace holdfast
