// SPDX-License-Identifier: Apache-2.0
#include "gateway/servable_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace holdfast {

void ServableTable::Add(ServableId id, ServableDescription description) {
  servables_.insert_or_assign(id, std::move(description));
  failed_.erase(id);
}

void ServableTable::Update(const ServableList& list) {
  listed_ = true;
  states_.clear();
  statuses_.clear();
  labels_ = list.labels;
  folders_ = list.folders;
  rollouts_ = list.rollouts;
  for (const ListedServable& listed : list.servables) {
    statuses_[listed.status.key] = listed.status;
    if (listed.servable.has_value()) states_[*listed.servable] = listed.status.state;
  }
}

void ServableTable::Forget(ServableId id) {
  CHECK(!held(id));
  servables_.erase(id);
  failed_.erase(id);
}

ServableState ServableTable::StateOf(ServableId id) const {
  if (!listed_) return ServableState::kAvailable;
  const auto state = states_.find(id);
  return state == states_.end() ? ServableState::kEnd : state->second;
}

// One whose workers keep dying is still there: its requests are told so.
bool ServableTable::Reachable(ServableId id) const {
  const ServableState state = StateOf(id);
  const bool given_up = state == ServableState::kEnd && failed(id) && states_.contains(id);
  return state == ServableState::kAvailable || given_up;
}

const std::string& ServableTable::NameOf(const ModelChoice& choice) const {
  return choice.model.has_value() ? *choice.model : default_model_;
}

Result<std::optional<std::int64_t>> ServableTable::VersionOf(const ModelChoice& choice) const {
  if (choice.version.has_value() || !choice.label.has_value()) return choice.version;
  if (const auto labels = labels_.find(NameOf(choice)); labels != labels_.end()) {
    const auto version = labels->second.find(*choice.label);
    if (version != labels->second.end()) return std::optional(version->second);
  }
  return Error{Reason::kBadRequest,
               "model \"" + NameOf(choice) + "\" has no version label \"" + *choice.label + '"'};
}

Result<ServableId> ServableTable::Resolve(const ModelChoice& choice) const {
  const std::string& name = NameOf(choice);
  const std::optional<std::int64_t> version = TRY(VersionOf(choice));
  std::optional<ServableId> best;
  const auto rank = [this](ServableId id) {
    return std::pair(!failed(id), servables_.at(id).key.version);
  };
  for (const auto& [id, description] : servables_) {
    if (description.key.name != name || !Reachable(id)) continue;
    if (version.has_value() ? description.key.version != *version : OnTrial(id)) continue;
    if (!best.has_value() || rank(*best) < rank(id)) best = id;
  }
  if (best.has_value()) return *best;
  return WhyNot(name, version);
}

bool ServableTable::OnTrial(ServableId id) const {
  const ModelKey& key = servables_.at(id).key;
  const auto rollout = rollouts_.find(key.name);
  return rollout != rollouts_.end() && rollout->second.version == key.version;
}

std::optional<ServableTable::Trial> ServableTable::TrialBeside(ServableId current) const {
  const ModelKey& key = servables_.at(current).key;
  const auto rollout = rollouts_.find(key.name);
  if (rollout == rollouts_.end() || rollout->second.version == key.version) return std::nullopt;
  for (const auto& [id, description] : servables_) {
    if (description.key != ModelKey{key.name, rollout->second.version}) continue;
    if (StateOf(id) == ServableState::kAvailable && !failed(id)) {
      return Trial{.servable = id, .rule = rollout->second.rule};
    }
  }
  return std::nullopt;
}

Error ServableTable::WhyNot(const std::string& name, std::optional<std::int64_t> version) const {
  bool known_name = false;
  for (const auto& [id, description] : servables_) known_name |= description.key.name == name;
  for (const auto& [key, status] : statuses_) {
    if (key.name != name) continue;
    known_name = true;
    if (version.has_value() && key.version != *version) continue;
    if (status.state == ServableState::kLoading) {
      return {Reason::kNotReady, "model \"" + FormatKey(key) + "\" is loading"};
    }
    if (!version.has_value() && status.reason != Reason::kOk) {
      return {Reason::kNotFound, "model \"" + name + "\" is not served: " + status.message};
    }
  }
  if (!known_name && !complete()) return {Reason::kNotReady, "models are still loading"};
  if (name.empty()) return {Reason::kNotFound, "which model? There is no default one"};
  if (known_name && version.has_value()) {
    return {Reason::kNotFound, "model \"" + name + "\" has no version " + std::to_string(*version)};
  }
  return {Reason::kNotFound, "there is no model \"" + name + "\""};
}

std::map<std::string, std::string> ServableTable::added() const {
  std::map<std::string, std::string> added = folders_;
  std::erase_if(added, [this](const auto& model) { return VersionsOf(model.first).empty(); });
  return added;
}

bool ServableTable::complete() const {
  if (on_demand_) return true;
  std::map<std::string, bool> settled;  // By model.
  for (const auto& [key, status] : statuses_) {
    settled.try_emplace(key.name, true);
    if (status.state == ServableState::kLoading) settled[key.name] = false;
  }
  const std::vector<ServableId> reachable = ids();
  for (const ServableId id : reachable) settled[servables_.at(id).key.name] = true;
  return !reachable.empty() && std::all_of(settled.begin(), settled.end(),
                                           [](const auto& model) { return model.second; });
}

std::vector<ServableId> ServableTable::ids() const {
  std::vector<ServableId> ids;
  for (const auto& [id, description] : servables_) {
    if (Reachable(id)) ids.push_back(id);
  }
  return ids;
}

std::vector<std::int64_t> ServableTable::VersionsOf(const std::string& model) const {
  std::vector<std::int64_t> versions;
  for (const ServableId id : ids()) {
    const ModelKey& key = servables_.at(id).key;
    if (key.name == model && !failed(id)) versions.push_back(key.version);
  }
  std::sort(versions.begin(), versions.end());
  return versions;
}

std::vector<ServableId> ServableTable::retiring() const {
  std::vector<ServableId> ids;
  for (const auto& [id, description] : servables_) {
    if (StateOf(id) == ServableState::kUnloading) ids.push_back(id);
  }
  return ids;
}

std::vector<ServableId> ServableTable::dropped() const {
  std::vector<ServableId> ids;
  for (const auto& [id, description] : servables_) {
    if (listed_ && !states_.contains(id)) ids.push_back(id);
  }
  return ids;
}

std::vector<std::string> ServableTable::LabelsOf(const ModelKey& key) const {
  std::vector<std::string> names;
  const auto labels = labels_.find(key.name);
  if (labels == labels_.end()) return names;
  for (const auto& [label, version] : labels->second) {
    if (version == key.version) names.push_back(label);
  }
  return names;
}

std::map<ModelKey, ServableStatus> ServableTable::AllStatuses() const {
  std::map<ModelKey, ServableStatus> all = statuses_;
  for (const auto& [id, description] : servables_) {
    // The list knows better, but for what was given up since.
    if (listed_ && !(failed(id) && states_.contains(id))) continue;
    ServableStatus status{
        .key = description.key, .state = ServableState::kAvailable, .message = ""};
    if (failed(id)) {
      status.state = ServableState::kEnd;
      status.reason = Reason::kNoWorker;
      status.message = "its workers keep dying";
    }
    all[description.key] = status;
  }
  return all;
}

std::vector<ServableStatus> ServableTable::Statuses() const {
  std::vector<ServableStatus> statuses;
  for (auto& [key, status] : AllStatuses()) statuses.push_back(status);
  std::sort(statuses.begin(), statuses.end(), [](const auto& a, const auto& b) {
    return std::pair(a.key.name, -a.key.version) < std::pair(b.key.name, -b.key.version);
  });
  return statuses;
}

Result<std::vector<ServableStatus>> ServableTable::StatusOf(const ModelChoice& choice) const {
  const std::string& name = NameOf(choice);
  const std::optional<std::int64_t> version = TRY(VersionOf(choice));
  std::vector<ServableStatus> statuses;
  for (const auto& [key, status] : AllStatuses()) {
    if (key.name != name || (version.has_value() && key.version != *version)) continue;
    statuses.push_back(status);
  }
  if (statuses.empty()) return WhyNot(name, version);
  std::reverse(statuses.begin(), statuses.end());
  return statuses;
}

}  // namespace holdfast
