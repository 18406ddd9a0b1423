// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/roster.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace holdfast {

// --- Events ---

void Roster::Offered(const std::vector<Offer>& offers) {
  offers_.clear();
  for (const Offer& offer : offers) offers_[offer.key] = offer;
  // A refusal holds for the files that were refused.
  std::erase_if(refusals_, [this](const auto& entry) {
    const auto offer = offers_.find(entry.first);
    return offer == offers_.end() || offer->second.fingerprint != entry.second.fingerprint;
  });
}

void Roster::LoadAsked(const std::optional<std::string>& model) {
  std::erase_if(refusals_, [&](const auto& entry) {
    return !model.has_value() || entry.first.name == *model;
  });
  if (model.has_value()) {
    unloaded_.erase(*model);
  } else {
    unloaded_.clear();
  }
}

bool Roster::UnloadAsked(const std::string& model) {
  const auto is_it = [&model](const auto& entry) { return entry.first.name == model; };
  const bool known = std::any_of(versions_.begin(), versions_.end(), is_it) ||
                     std::any_of(offers_.begin(), offers_.end(), is_it);
  if (known) unloaded_.insert(model);
  return known;
}

void Roster::Started(const ModelKey& key, ServableId servable) {
  Version& version = versions_.at(key);
  version.started = true;
  version.servable = servable;
}

void Roster::Loaded(ServableId servable) {
  if (Version* version = Find(servable)) version->loaded = true;
}

void Roster::Ready(ServableId servable) {
  if (Version* version = Find(servable)) version->ready = true;
}

void Roster::Failed(const ModelKey& key, Reason reason, const std::string& why) {
  const auto entry = versions_.find(key);
  if (entry == versions_.end()) return;
  Version& version = entry->second;
  refusals_[key] = {version.offer.fingerprint, reason, why};
  version.failed = true;
}

void Roster::Drained(ServableId servable) {
  const Version* version = Find(servable);
  if (version == nullptr || version->phase != VersionPhase::kRetiring) return;
  actions_.emplace_back(UnloadVersion{servable});
  versions_.erase(version->offer.key);
}

// --- Decisions ---

std::vector<RosterAction> Roster::Decide() {
  for (const std::string& model : Models()) DecideFor(model);
  return std::exchange(actions_, {});
}

std::set<std::string> Roster::Models() const {
  std::set<std::string> models;
  for (const auto& [key, offer] : offers_) models.insert(key.name);
  for (const auto& [key, version] : versions_) models.insert(key.name);
  return models;
}

std::optional<Status> Roster::LoadOutcome(const std::string& model) const {
  const std::vector<Offer> wanted = Wanted(model);
  const bool waits = std::any_of(wanted.begin(), wanted.end(), [this](const Offer& offer) {
    return !versions_.contains(offer.key);
  });
  if (waits) return std::nullopt;
  std::int64_t active = -1;
  for (const auto& [key, version] : versions_) {
    if (key.name != model) continue;
    if (version.phase == VersionPhase::kLoading && !version.failed) return std::nullopt;
    if (version.phase != VersionPhase::kActive || version.failed) continue;
    if (!version.ready) return std::nullopt;  // Requests reach it, and wait for its workers.
    active = key.version;
  }
  for (auto refusal = refusals_.rbegin(); refusal != refusals_.rend(); ++refusal) {
    if (refusal->first.name != model || refusal->first.version < active) continue;
    return Error{refusal->second.reason, refusal->second.why};
  }
  if (active >= 0) return Status();
  return Error{Reason::kNotFound, "there is no model \"" + model + "\" to load"};
}

std::optional<Status> Roster::UnloadOutcome(const std::string& model) const {
  if (!unloaded_.contains(model)) {
    return Error{Reason::kNotFound, "there is no model \"" + model + "\""};
  }
  const bool left = std::any_of(versions_.begin(), versions_.end(),
                                [&model](const auto& entry) { return entry.first.name == model; });
  return left ? std::nullopt : std::optional<Status>(Status());
}

std::vector<Offer> Roster::wanted() const {
  std::vector<Offer> all;
  for (const std::string& model : Models()) {
    for (Offer& offer : Wanted(model)) all.push_back(std::move(offer));
  }
  return all;
}

void Roster::DecideFor(const std::string& model) {
  const bool unload = unloaded_.contains(model);
  const std::vector<Offer> wanted = Wanted(model);
  const auto is_wanted = [&wanted](const ModelKey& key) {
    return std::any_of(wanted.begin(), wanted.end(),
                       [&key](const Offer& offer) { return offer.key == key; });
  };
  const auto of_model = [&model](const auto& entry) { return entry.first.name == model; };

  for (const Offer& offer : wanted) {
    if (versions_.contains(offer.key) || !MayLoad()) continue;
    versions_[offer.key] = {.offer = offer};
    actions_.emplace_back(LoadVersion{offer});
  }

  const bool any_active = std::any_of(versions_.begin(), versions_.end(), [&](const auto& entry) {
    return of_model(entry) && entry.second.phase == VersionPhase::kActive && !entry.second.failed;
  });
  for (auto& [key, version] : versions_) {
    // Without an elder nothing is gained by waiting for all workers: requests wait for them.
    const bool can = version.ready || (version.loaded && !any_active);
    if (key.name != model || version.phase != VersionPhase::kLoading || version.failed) continue;
    if (!can || !is_wanted(key)) continue;
    version.phase = VersionPhase::kActive;
    actions_.emplace_back(ActivateVersion{version.servable});
  }

  const bool relieved =
      !wanted.empty() && std::all_of(wanted.begin(), wanted.end(), [this](const Offer& offer) {
        const auto version = versions_.find(offer.key);
        return version != versions_.end() && version->second.phase == VersionPhase::kActive &&
               !version->second.failed;
      });
  for (auto entry = versions_.begin(); entry != versions_.end();) {
    const bool gone =
        entry->first.name == model && LetGo(entry->second, {.is_wanted = is_wanted(entry->first),
                                                            .any_wanted = !wanted.empty(),
                                                            .relieved = relieved,
                                                            .unload = unload});
    entry = gone ? versions_.erase(entry) : std::next(entry);
  }
}

bool Roster::LetGo(Version& version, const Outlook& outlook) {
  if (version.phase == VersionPhase::kRetiring) return false;
  if (outlook.is_wanted && !version.failed) return false;
  // Its files have changed, or somebody asks again: what failed makes room for another try.
  const bool again = outlook.is_wanted;
  if (version.phase == VersionPhase::kActive) {
    if (!again && !outlook.relieved && !outlook.unload) return false;
    version.phase = VersionPhase::kRetiring;
    actions_.emplace_back(RetireVersion{version.servable});
    return false;
  }
  if (!version.started) return true;
  // A failed one is ended, unless it is the last of all: then the fleet ends the server for it.
  const bool in_vain = version.failed ? again || !LastOfAll(version.offer.key)
                                      : outlook.unload || outlook.any_wanted;
  if (in_vain) actions_.emplace_back(UnloadVersion{version.servable});
  return in_vain;
}

std::vector<Offer> Roster::Wanted(const std::string& model) const {
  if (unloaded_.contains(model)) return {};
  std::vector<Offer> candidates;
  for (const auto& [key, offer] : offers_) {
    if (key.name == model && !refusals_.contains(key)) candidates.push_back(offer);
  }
  return ChooseVersions(policy_, candidates);
}

bool Roster::LastOfAll(const ModelKey& key) const {
  return std::none_of(versions_.begin(), versions_.end(), [&key](const auto& other) {
    return other.first != key && other.second.started && !other.second.failed;
  });
}

// Loading takes a core and memory. Beside requests one version at a time is enough.
bool Roster::MayLoad() const {
  const auto is = [this](VersionPhase phase) {
    return std::any_of(versions_.begin(), versions_.end(), [phase](const auto& entry) {
      return entry.second.phase == phase && !entry.second.failed;
    });
  };
  return !is(VersionPhase::kActive) || !is(VersionPhase::kLoading);
}

Roster::Version* Roster::Find(ServableId servable) {
  for (auto& [key, version] : versions_) {
    if (version.started && version.servable == servable) return &version;
  }
  return nullptr;
}

}  // namespace holdfast
