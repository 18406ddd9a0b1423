// SPDX-License-Identifier: Apache-2.0
#include "apps/local_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "apps/model_source.h"
#include "model/repository.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

Result<fs::path> FindRepository(const ClassifyCommand& command,
                                const std::map<std::string, std::string>& environment,
                                const fs::path& executable_folder) {
  if (!command.model_repository.empty()) return fs::path(command.model_repository);
  const auto variable = environment.find("HOLDFAST_MODEL_REPOSITORY");
  if (variable != environment.end() && !variable->second.empty()) return fs::path(variable->second);
  if (auto demo = DemoRepository(executable_folder)) return *std::move(demo);
  return Error{Reason::kUsage,
               "classify: no model is configured and there is no demo model; try "
               "--model-repository DIR, --model FOLDER or --server URL"};
}

std::string Names(const Catalog& catalog) {
  std::vector<std::string> names;
  for (const auto& [name, versions] : catalog.models) names.push_back(name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

Result<fs::path> FindLocalModel(const ClassifyCommand& command,
                                const std::map<std::string, std::string>& environment,
                                const fs::path& executable_folder) {
  std::error_code error;
  // A name that is also a folder here means the model when a repository is given.
  if (command.model_repository.empty() && !command.model.empty() &&
      fs::is_directory(command.model, error)) {
    return fs::path(command.model);
  }
  const fs::path repository = TRY(FindRepository(command, environment, executable_folder));
  const Catalog catalog = TRY(ReadRepository(repository));
  std::string name = command.model.substr(0, command.model.find('/'));
  if (name.empty()) {
    if (catalog.models.size() != 1) {
      return Error{Reason::kUsage, fmt::format("classify: {} holds several models; try --model "
                                               "with one of: {}",
                                               repository.string(), Names(catalog))};
    }
    name = catalog.models.begin()->first;
  }
  const auto model = catalog.models.find(name);
  if (model == catalog.models.end()) {
    return Error{Reason::kNotFound, fmt::format("classify: {} has no model {}; try --model with "
                                                "one of: {}",
                                                repository.string(), name, Names(catalog))};
  }
  if (command.model.size() <= name.size()) return model->second.back().folder;
  const std::string version = command.model.substr(name.size() + 1);
  const auto entry = std::ranges::find_if(model->second, [&](const CatalogEntry& candidate) {
    return std::to_string(candidate.key.version) == version;
  });
  if (entry == model->second.end()) {
    return Error{Reason::kNotFound,
                 fmt::format("classify: model {} has no version {}; its highest is {}", name,
                             version, model->second.back().key.version)};
  }
  return entry->folder;
}

}  // namespace holdfast
