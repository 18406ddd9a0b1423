// SPDX-License-Identifier: Apache-2.0
#include "model/repository.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/digits.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kModelNameMax = 128;
constexpr std::size_t kNamesShownMax = 5;
constexpr int kUnpackedDepthMax = 2;  // Of folders around what an archive is about.

// The folders in `directory` by name, links followed, hidden ones left out.
Result<std::vector<fs::path>> Folders(const fs::path& directory) {
  std::error_code failed;
  if (!fs::is_directory(directory, failed)) {
    return Error{Reason::kNotFound,
                 fmt::format("{} is {}", directory.string(),
                             fs::exists(directory, failed) ? "no folder" : "missing")};
  }
  std::vector<fs::path> folders;
  fs::directory_iterator entries(directory, failed);
  for (; !failed && entries != fs::directory_iterator(); entries.increment(failed)) {
    std::error_code vanished;
    if (entries->path().filename().native().starts_with('.')) continue;
    if (entries->is_directory(vanished)) folders.push_back(entries->path());
  }
  if (failed) {
    return Error{Reason::kNotFound,
                 fmt::format("{} cannot be listed: {}", directory.string(), failed.message())};
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

Result<std::vector<CatalogEntry>> Versions(const std::string& name, const fs::path& base_path) {
  std::vector<CatalogEntry> entries;
  for (const fs::path& folder : TRY(Folders(base_path))) {
    const std::optional<std::int64_t> version =
        ParseDigits<std::int64_t>(folder.filename().native());
    if (version) entries.push_back({{name, *version}, folder});
  }
  const auto by_version = [](const CatalogEntry& a, const CatalogEntry& b) {
    return a.key.version < b.key.version;
  };
  std::stable_sort(entries.begin(), entries.end(), by_version);
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (entries[i].key == entries[i - 1].key) {
      return Error{Reason::kBadModel,
                   fmt::format("{} and {} are the same version: remove one",
                               entries[i - 1].folder.string(), entries[i].folder.string())};
    }
  }
  return entries;
}

bool HoldsFiles(const fs::path& folder) {
  std::error_code failed;
  fs::directory_iterator entries(folder, failed);
  for (; !failed && entries != fs::directory_iterator(); entries.increment(failed)) {
    std::error_code vanished;
    const bool hidden = entries->path().filename().native().starts_with('.');
    if (!hidden && entries->is_regular_file(vanished)) return true;
  }
  return false;
}

std::string Shown(const std::vector<fs::path>& folders) {
  if (folders.empty()) return "it holds no folders";
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(folders.size(), kNamesShownMax); ++i) {
    names.push_back(folders[i].filename());
  }
  return fmt::format("it holds {}{}", fmt::join(names, ", "),
                     folders.size() > kNamesShownMax ? ", …" : "");
}

}  // namespace

bool IsModelName(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= kModelNameMax && name.front() != '.' &&
         name.front() != '-' && std::all_of(name.begin(), name.end(), fits);
}

Result<Catalog> ReadRepository(const std::filesystem::path& directory) {
  Catalog catalog;
  const std::vector<fs::path> folders = TRY(Folders(directory));
  for (const fs::path& folder : folders) {
    const std::string name = folder.filename();
    if (!IsModelName(name)) continue;
    // A folder that may not be listed is not ours to judge; it offers nothing.
    Result<std::vector<CatalogEntry>> versions = Versions(name, folder);
    if (!versions && versions.error().reason != Reason::kNotFound) {
      return std::move(versions).error();
    }
    if (versions && !versions->empty()) catalog.models.emplace(name, *std::move(versions));
  }
  if (!catalog.models.empty()) return catalog;

  std::error_code ignored;
  const bool is_model = std::any_of(folders.begin(), folders.end(), [](const fs::path& folder) {
    return ParseDigits<std::int64_t>(folder.filename().native()).has_value();
  });
  std::string hint;
  if (is_model) {
    hint = "; it is a model's own folder: give the folder around it, or --model_base_path";
  } else if (fs::exists(directory / "model.toml", ignored)) {
    hint = "; it is a version's own folder: a repository is DIR/NAME/VERSION/";
  }
  return Error{Reason::kNotFound, fmt::format("{} offers no model (NAME/VERSION/): {}{}",
                                              directory.string(), Shown(folders), hint)};
}

Result<Catalog> ReadModel(const std::string& name, const std::filesystem::path& base_path) {
  Catalog catalog;
  std::vector<CatalogEntry> versions = TRY(Versions(name, base_path));
  if (versions.empty()) {
    const std::vector<fs::path> folders = TRY(Folders(base_path));
    return Error{Reason::kNotFound, fmt::format("{} holds no version folder (1, 2, …) of {}: {}",
                                                base_path.string(), name, Shown(folders))};
  }
  catalog.models.emplace(name, std::move(versions));
  return catalog;
}

Result<Catalog> ReadUnpacked(const std::string& name, const std::filesystem::path& folder) {
  fs::path base = folder;
  for (int depth = 0;; ++depth) {
    std::vector<CatalogEntry> versions = TRY(Versions(name, base));
    if (!versions.empty()) return Catalog{.models = {{name, std::move(versions)}}};
    if (HoldsFiles(base)) return Catalog{.models = {{name, {{.key = {name, 1}, .folder = base}}}}};
    const std::vector<fs::path> inside = TRY(Folders(base));
    if (inside.size() != 1 || depth == kUnpackedDepthMax) {
      return Error{Reason::kNotFound,
                   fmt::format("{} holds neither a model's files nor version folders (1, 2, …): {}",
                               base.string(), Shown(inside))};
    }
    base = inside.front();
  }
}

Result<CatalogEntry> FindServable(const std::filesystem::path& folder) {
  std::error_code failed;
  fs::path path = fs::absolute(folder, failed).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (const std::optional<std::int64_t> version =
          ParseDigits<std::int64_t>(path.filename().native())) {
    if (!fs::is_directory(path, failed)) {
      return Error{Reason::kNotFound,
                   fmt::format("{} is {}", folder.string(),
                               fs::exists(path, failed) ? "no folder" : "missing")};
    }
    return CatalogEntry{{path.parent_path().filename(), *version}, path};
  }
  if (fs::exists(path / "model.toml", failed)) {
    return Error{Reason::kBadModel,
                 fmt::format("{} holds a model.toml, but its name is no version: rename it to "
                             "NAME/VERSION/, as in resnet50/1/",
                             folder.string())};
  }
  const Catalog catalog = TRY(ReadModel(path.filename(), path));
  return catalog.models.begin()->second.back();
}

}  // namespace holdfast
