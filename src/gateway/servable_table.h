// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/strong_id.h"
#include "gateway/http/face.h"
#include "ipc/description.h"

namespace holdfast {

// The servables that the supervisor has announced, and how requests name them.
class ServableTable {
 public:
  // `expected`: how many will come; until then the server is loading.
  ServableTable(std::string default_model, std::size_t expected)
      : default_model_(std::move(default_model)), expected_(expected) {}

  void Add(ServableId id, ServableDescription description);
  void SetFailed(ServableId id) { failed_[id] = true; }

  // Without a model: the default model. Without a version: the highest. kNotFound says what there
  // is; kNotReady: it may still be loading.
  Result<ServableId> Resolve(const std::optional<std::string>& model,
                             std::optional<std::int64_t> version) const;

  const ServableDescription& Get(ServableId id) const { return servables_.at(id); }
  bool Has(ServableId id) const { return servables_.contains(id); }
  bool failed(ServableId id) const { return failed_.contains(id); }
  // Whether every servable is either there or known to be broken, and one is there.
  bool complete() const;
  std::vector<ServableId> ids() const;

  // The versions of `model`, for TensorFlow Serving's status call; empty: unknown.
  std::vector<ServableStatus> StatusOf(const std::string& model,
                                       std::optional<std::int64_t> version) const;

 private:
  std::string default_model_;
  std::size_t expected_;
  std::map<ServableId, ServableDescription> servables_;
  std::map<ServableId, bool> failed_;
};

}  // namespace holdfast
