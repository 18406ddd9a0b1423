// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model_config.h"
#include "model/model_key.h"

namespace holdfast {

// One version of a model as its folder describes it; nothing is loaded.
struct Servable {
  ModelKey key;
  std::filesystem::path folder;
  ModelConfig config;
  std::vector<std::string> labels;       // Empty: no labels file.
  std::vector<std::string> assumptions;  // What a missing model.toml made us assume, for the log.
};

// Reads NAME/VERSION/. With `problems`, every problem found is listed there, also those that do not
// keep it from being read; the returned error joins those that do. Does not hash the files.
Result<Servable> ReadServable(const std::filesystem::path& folder, ModelKey key,
                              std::vector<Problem>* problems = nullptr);

// Compares the files with the digests that model.toml gives, but for the file `except`; one Problem
// for each that differs.
std::vector<Problem> VerifyDigests(const Servable& servable, std::string_view except = {});

}  // namespace holdfast
