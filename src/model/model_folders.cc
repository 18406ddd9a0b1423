// SPDX-License-Identifier: Apache-2.0
#include "model/model_folders.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <system_error>

#include "model/repository.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

// FNV-1a over what tells one state of a folder from another.
class Fingerprint {
 public:
  void Add(std::string_view text) {
    for (const char c : text) Mix(static_cast<std::uint8_t>(c));
    Mix(0);
  }
  void Add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) Mix(static_cast<std::uint8_t>(number >> shift));
  }
  std::uint64_t value() const { return digest_; }

 private:
  void Mix(std::uint8_t byte) {
    digest_ ^= byte;
    digest_ *= 0x100000001b3u;
  }
  std::uint64_t digest_ = 0xcbf29ce484222325u;
};

// Files that vanish while they are looked at are a change like any other.
Offer Describe(const CatalogEntry& entry) {
  Offer offer{.key = entry.key, .folder = entry.folder};
  struct File {
    std::string path;
    std::uint64_t bytes;
    std::int64_t written;
  };
  std::vector<File> files;
  std::error_code error;
  fs::recursive_directory_iterator file(entry.folder, error);
  for (; !error && file != fs::recursive_directory_iterator(); file.increment(error)) {
    std::error_code vanished;
    if (!file->is_regular_file(vanished)) continue;
    const auto bytes = file->file_size(vanished);
    const auto written = file->last_write_time(vanished).time_since_epoch().count();
    if (!vanished) files.push_back({file->path().string(), bytes, written});
  }
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.path < b.path; });
  Fingerprint fingerprint;
  for (const File& one : files) {
    fingerprint.Add(one.path);
    fingerprint.Add(one.bytes);
    fingerprint.Add(static_cast<std::uint64_t>(one.written));
    offer.bytes += one.bytes;
  }
  offer.fingerprint = fingerprint.value();
  return offer;
}

std::vector<Offer> DescribeAll(const Catalog& catalog) {
  std::vector<Offer> offers;
  for (const auto& [name, versions] : catalog.models) {
    for (const CatalogEntry& entry : versions) offers.push_back(Describe(entry));
  }
  return offers;
}

}  // namespace

std::optional<ModelRules> RulesOf(const ModelFolders& folders) {
  if (!folders.repository.empty()) return std::nullopt;
  ModelRules rules;
  for (const ServedModel& model : folders.models) rules[model.name] = model.rule;
  return rules;
}

Result<std::vector<Offer>> ReadOffers(const ServedModel& model) {
  if (model.unpacked) return DescribeAll(TRY(ReadUnpacked(model.name, model.base_path)));
  return DescribeAll(TRY(ReadModel(model.name, model.base_path)));
}

Result<std::vector<Offer>> ReadOffers(const ModelFolders& folders) {
  if (!folders.repository.empty()) return DescribeAll(TRY(ReadRepository(folders.repository)));
  std::vector<ServedModel> models = folders.models;
  std::ranges::sort(models, {}, &ServedModel::name);
  std::vector<Offer> offers;
  for (const ServedModel& model : models) {
    std::vector<Offer> versions = TRY(ReadOffers(model));
    std::ranges::move(versions, std::back_inserter(offers));
  }
  return offers;
}

Status CheckServedModels(const std::vector<ServedModel>& models) {
  std::vector<std::string> problems;
  std::set<std::string> names;
  for (const ServedModel& model : models) {
    if (!IsModelName(model.name)) {
      problems.push_back(fmt::format("\"{}\" is no model name", model.name));
    } else if (!names.insert(model.name).second) {
      problems.push_back(fmt::format("model \"{}\" comes twice", model.name));
    }
    if (model.base_path.empty()) {
      problems.push_back(fmt::format("model \"{}\" has no base_path", model.name));
    }
    if (model.rule.labels.contains("")) {
      problems.push_back(fmt::format("model \"{}\" has a label without a name", model.name));
    }
  }
  if (problems.empty()) return {};
  return Error{Reason::kBadModel, fmt::format("{}", fmt::join(problems, "; "))};
}

}  // namespace holdfast
