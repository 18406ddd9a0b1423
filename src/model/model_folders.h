// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/model_rule.h"
#include "model/offering.h"

namespace holdfast {

// One model and where its versions lie, as TensorFlow Serving's ModelConfig has it.
struct ServedModel {
  std::string name;
  std::filesystem::path base_path;  // DIR/VERSION/.
  ModelRule rule;
  // base_path is what somebody's archive held: perhaps a version's own files. See ReadUnpacked().
  bool unpacked = false;
  bool operator==(const ServedModel&) const = default;
};

// Where the versions to serve lie: a repository with all its models, or a list of models.
struct ModelFolders {
  std::filesystem::path repository;  // DIR/NAME/VERSION/. Empty: `models` are all there are.
  std::vector<ServedModel> models;
  bool operator==(const ModelFolders&) const = default;
};

// The rules that `folders` gives, as an Offering has them.
std::optional<ModelRules> RulesOf(const ModelFolders& folders);

// What is there now, models by name, versions ascending. kNotFound, kBadModel: it cannot be told;
// see repository.h.
Result<std::vector<Offer>> ReadOffers(const ModelFolders& folders);
Result<std::vector<Offer>> ReadOffers(const ServedModel& model);

// kBadModel names all that is wrong with a list of models: names that are none or come twice, no
// folder, labels without a name.
Status CheckServedModels(const std::vector<ServedModel>& models);

}  // namespace holdfast
