// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/model_config.h"

namespace holdfast {

// The labels of a labels file, one a line. What is wrong with them is added to `problems`, all of
// it at once, with its line.
std::vector<std::string> ParseLabels(std::string_view text, std::string_view file_name,
                                     std::vector<Problem>& problems);

}  // namespace holdfast
