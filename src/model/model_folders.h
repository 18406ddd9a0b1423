// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/offer.h"

namespace holdfast {

// Where the versions to serve lie: a repository (all its models, or the one called `name`), or the
// folder of one model.
struct ModelFolders {
  std::filesystem::path repository;  // DIR/NAME/VERSION/.
  std::filesystem::path base_path;   // DIR/VERSION/ of `name`, instead of a repository.
  std::string name;
};

// What is there now, models by name, versions ascending. kNotFound, kBadModel: it cannot be told;
// see repository.h.
Result<std::vector<Offer>> ReadOffers(const ModelFolders& folders);

}  // namespace holdfast
