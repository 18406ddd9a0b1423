// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/model_key.h"

namespace holdfast {

struct CatalogEntry {
  ModelKey key;
  std::filesystem::path folder;
};

// An immutable snapshot of what a repository offers: every model's versions, ascending.
struct Catalog {
  std::map<std::string, std::vector<CatalogEntry>> models;
};

// Reads a repository, DIR/NAME/VERSION/ (TensorFlow Serving's layout). Folders whose name is no
// number are not versions. kNotFound when DIR is missing or offers no model, with what was seen.
Result<Catalog> ReadRepository(const std::filesystem::path& directory);

// The same for one model: `base_path` holds the version folders directly.
Result<Catalog> ReadModel(const std::string& name, const std::filesystem::path& base_path);

}  // namespace holdfast
