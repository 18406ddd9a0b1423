// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/model_config.h"
#include "tensor/preprocessing.h"

namespace holdfast {

// The preprocessing of well-known families of models, by the name that `holdfast pack` takes.
std::vector<std::string> PreprocessingPresetNames();
std::optional<Preprocessing> PreprocessingPreset(std::string_view name);

// `base` with the keys that `toml` gives, spelled as in model.toml's [preprocessing]. Checked as
// model.toml is, all problems at once.
tl::expected<Preprocessing, std::vector<Problem>> ChangePreprocessing(const Preprocessing& base,
                                                                      std::string_view toml,
                                                                      std::string_view file_name);

}  // namespace holdfast
