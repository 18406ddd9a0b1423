// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
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

// The same where `folder` is what an archive held, as people pack models: version folders, or a
// version's own files, which then are version 1, or a folder with one of these.
Result<Catalog> ReadUnpacked(const std::string& name, const std::filesystem::path& folder);

// The servable that a path on the command line means: NAME/VERSION/, or NAME/ for its highest
// version.
Result<CatalogEntry> FindServable(const std::filesystem::path& folder);

// Whether `name` may name a model: letters, digits, '.', '-' and '_', at most 128, and no '.' or
// '-' in front.
bool IsModelName(std::string_view name);

}  // namespace holdfast
