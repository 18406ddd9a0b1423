// SPDX-License-Identifier: Apache-2.0
#include "gateway/servable_table.h"

#include <algorithm>

namespace holdfast {

void ServableTable::Add(ServableId id, ServableDescription description) {
  servables_.insert_or_assign(id, std::move(description));
  failed_.erase(id);
}

Result<ServableId> ServableTable::Resolve(const std::optional<std::string>& model,
                                          std::optional<std::int64_t> version) const {
  const std::string& name = model.has_value() ? *model : default_model_;
  std::optional<ServableId> best;
  bool known_name = false;
  for (const auto& [id, description] : servables_) {
    if (description.key.name != name) continue;
    known_name = true;
    if (version.has_value() && description.key.version != *version) continue;
    if (!best.has_value() || servables_.at(*best).key.version < description.key.version) best = id;
  }
  if (best.has_value()) return *best;
  if (!complete() && !known_name) {
    return Error{Reason::kNotReady, "models are still loading"};
  }
  if (known_name) {
    return Error{Reason::kNotFound,
                 "model \"" + name + "\" has no version " + std::to_string(*version)};
  }
  return Error{Reason::kNotFound, "there is no model \"" + name + "\""};
}

bool ServableTable::complete() const {
  std::size_t settled = servables_.size();
  for (const auto& [id, failed] : failed_) settled += servables_.contains(id) ? 0 : 1;
  return settled >= expected_ && !servables_.empty();
}

std::vector<ServableId> ServableTable::ids() const {
  std::vector<ServableId> ids;
  for (const auto& [id, description] : servables_) ids.push_back(id);
  return ids;
}

std::vector<ServableStatus> ServableTable::StatusOf(const std::string& model,
                                                    std::optional<std::int64_t> version) const {
  std::vector<ServableStatus> statuses;
  for (const auto& [id, description] : servables_) {
    if (description.key.name != model) continue;
    if (version.has_value() && description.key.version != *version) continue;
    const bool broken = failed(id);
    statuses.push_back({.key = description.key,
                        .state = broken ? ServableState::kEnd : ServableState::kAvailable,
                        .reason = broken ? Reason::kNoWorker : Reason::kOk,
                        .message = broken ? "its workers keep dying" : ""});
  }
  std::sort(statuses.begin(), statuses.end(),
            [](const auto& a, const auto& b) { return a.key.version > b.key.version; });
  return statuses;
}

}  // namespace holdfast
