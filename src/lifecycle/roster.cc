// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/roster.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace holdfast {

// --- Events ---

void Roster::Offered(Offering offering) {
  offers_.clear();
  for (Offer& offer : offering.offers) offers_[offer.key] = std::move(offer);
  TakeRules(std::move(offering.rules));
  // A refusal holds for the files that were refused.
  std::erase_if(refusals_, [this](const auto& entry) {
    const auto offer = offers_.find(entry.first);
    return offer == offers_.end() || offer->second.fingerprint != entry.second.fingerprint;
  });
  std::vector<std::string> gone;
  for (const auto& [model, rollout] : rollouts_) {
    if (!offers_.contains({model, rollout.version}) || Dismissed(model)) gone.push_back(model);
  }
  for (const std::string& model : gone) {
    EndRollout(model, RolloutEnd::kGone, "its files are gone");
  }
}

// Labels that stand as they stood leave alone what somebody has asked for since.
void Roster::TakeRules(std::optional<ModelRules> rules) {
  if (!rules.has_value()) return;
  for (const auto& [model, rule] : *rules) {
    const ModelRule* const before = RuleOf(model);
    if (before == nullptr || before->labels != rule.labels) goals_[model] = rule.labels;
    if (before != nullptr && before->policy != rule.policy) promoted_.erase(model);
  }
  std::erase_if(goals_, [&rules](const auto& entry) { return !rules->contains(entry.first); });
  rules_ = std::move(rules);
}

void Roster::LoadAsked(const std::optional<std::string>& model) {
  std::erase_if(refusals_, [&](const auto& entry) {
    if (!model.has_value()) return !entry.second.rolled_back;
    return entry.first.name == *model;
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
  if (!known) return false;
  if (rollouts_.contains(model)) {
    EndRollout(model, RolloutEnd::kGone, "its model is unloaded");
  }
  promoted_.erase(model);
  unloaded_.insert(model);
  return true;
}

Status Roster::LabelAsked(const std::string& model, const std::string& label,
                          std::optional<std::int64_t> version) {
  if (!version.has_value()) {
    const auto goals = goals_.find(model);
    if (goals != goals_.end() && goals->second.erase(label) > 0) return {};
    return Error{Reason::kNotFound, "model \"" + model + "\" has no label \"" + label + '"'};
  }
  const ModelKey key{model, *version};
  if (!offers_.contains(key) || unloaded_.contains(model)) {
    return Error{Reason::kNotFound, "there is no version " + FormatKey(key) + " to serve"};
  }
  if (OnTrial(key)) {
    return Error{Reason::kBadRequest, FormatKey(key) + " is on trial; promote it first"};
  }
  const auto refusal = refusals_.find(key);
  if (refusal != refusals_.end() && refusal->second.rolled_back) {
    return Error{Reason::kBadRequest, FormatKey(key) + " was " + refusal->second.why};
  }
  refusals_.erase(key);
  goals_[model][label] = *version;
  MoveLabels(model);
  return {};
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
  refusals_[key] = {
      .fingerprint = version.offer.fingerprint, .reason = reason, .why = why, .rolled_back = false};
  version.failed = true;
  if (OnTrial(key)) EndRollout(key.name, RolloutEnd::kFailed, why);
  // Whoever asked for the label is told that it failed, so it must not move later. What the rules
  // say is tried again when the files have changed.
  for (auto& [label, goal] : goals_[key.name]) {
    const VersionLabels& now = labels_[key.name];
    const auto meaning = now.find(label);
    if (goal != key.version || meaning == now.end() || !Serves({key.name, meaning->second}))
      continue;
    if (!RuledLabel(key.name, label, goal)) goal = meaning->second;
  }
}

bool Roster::RuledLabel(const std::string& model, const std::string& label,
                        std::int64_t version) const {
  const ModelRule* const rule = RuleOf(model);
  if (rule == nullptr) return false;
  const auto ruled = rule->labels.find(label);
  return ruled != rule->labels.end() && ruled->second == version;
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
    if (refusal->second.rolled_back) continue;  // As somebody wanted.
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

std::optional<Status> Roster::LabelOutcome(const std::string& model,
                                           std::optional<std::int64_t> version) const {
  if (!version.has_value()) return Status();
  const ModelKey key{model, *version};
  if (const auto refusal = refusals_.find(key); refusal != refusals_.end()) {
    return Error{refusal->second.reason, refusal->second.why};
  }
  if (!offers_.contains(key) || unloaded_.contains(model)) {
    return Error{Reason::kNotFound, "version " + FormatKey(key) + " is gone"};
  }
  return Serves(key) && versions_.at(key).ready ? std::optional<Status>(Status()) : std::nullopt;
}

std::optional<Status> Roster::RulesOutcome() const {
  if (!rules_.has_value()) return Status();
  std::optional<Error> first;
  for (const auto& [model, rule] : *rules_) {
    const std::optional<Status> outcome = LoadOutcome(model);
    if (!outcome.has_value()) return std::nullopt;
    if (!*outcome && !first.has_value()) first = outcome->error();
    for (const std::int64_t version : rule.policy.specific) {
      if (first.has_value() || offers_.contains({model, version})) continue;
      first = Error{Reason::kNotFound,
                    "there is no version " + FormatKey({model, version}) + " to serve"};
    }
  }
  for (const auto& [key, version] : versions_) {
    if (Dismissed(key.name)) return std::nullopt;
  }
  return first.has_value() ? Status(*first) : Status();
}

std::vector<Offer> Roster::wanted() const {
  std::vector<Offer> all;
  for (const std::string& model : Models()) {
    for (Offer& offer : Wanted(model)) all.push_back(std::move(offer));
  }
  return all;
}

void Roster::DecideFor(const std::string& model) {
  FollowTrial(model);
  const bool unload = unloaded_.contains(model) || Dismissed(model);
  const std::vector<Offer> wanted = Wanted(model);
  const auto is_wanted = [&wanted](const ModelKey& key) {
    return std::any_of(wanted.begin(), wanted.end(),
                       [&key](const Offer& offer) { return offer.key == key; });
  };
  const auto of_model = [&model](const auto& entry) { return entry.first.name == model; };

  for (const Offer& offer : wanted) {
    if (versions_.contains(offer.key) || !MayLoad()) continue;
    versions_[offer.key] = {.offer = offer, .tried = OnTrial(offer.key)};
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
    if (OnTrial(key)) actions_.emplace_back(RolloutStarted{key, rollouts_.at(model).rule});
  }

  MoveLabels(model);

  const bool relieved = !wanted.empty() && std::ranges::all_of(wanted, [this](const Offer& offer) {
    return Serves(offer.key);
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
  if (outlook.is_wanted && !version.failed) {
    version.tried = OnTrial(version.offer.key);
    return false;
  }
  // Its files may be gone: it is what the version on trial is compared with, and falls back to.
  const ModelKey& key = version.offer.key;
  const bool is_compared = rollouts_.contains(key.name) && CurrentVersion(key.name) == key.version;
  if (is_compared && !outlook.unload) return false;
  // Its files have changed, or somebody asks again: what failed makes room for another try.
  const bool again = outlook.is_wanted;
  if (version.phase == VersionPhase::kActive) {
    // For what was only tried, the current version is there.
    const bool spare = version.tried && CurrentVersion(version.offer.key.name).has_value();
    if (!again && !spare && !outlook.relieved && !outlook.unload) return false;
    version.phase = VersionPhase::kRetiring;
    actions_.emplace_back(RetireVersion{version.servable});
    return false;
  }
  if (!version.started) return true;
  // A failed one is ended, unless it is the last of all: then the fleet ends the server for it.
  const bool superfluous = outlook.unload || outlook.any_wanted;
  const bool in_vain =
      version.failed ? again || outlook.unload || !LastOfAll(version.offer.key) : superfluous;
  if (in_vain) actions_.emplace_back(UnloadVersion{version.servable});
  return in_vain;
}

std::vector<Offer> Roster::Wanted(const std::string& model) const {
  if (unloaded_.contains(model)) return {};
  std::vector<Offer> candidates = Candidates(model);
  std::set<std::int64_t> chosen;
  for (const Offer& offer : ChooseVersions(PolicyOf(model), Trusted(model, candidates))) {
    chosen.insert(offer.key.version);
  }
  const auto promoted = promoted_.find(model);
  if (promoted != promoted_.end() && (chosen.empty() || *chosen.rbegin() < promoted->second)) {
    chosen.insert(promoted->second);
  }
  if (const auto rollout = rollouts_.find(model); rollout != rollouts_.end()) {
    chosen.insert(rollout->second.version);
    if (const auto current = CurrentVersion(model)) chosen.insert(*current);
  }
  if (const auto goals = goals_.find(model); goals != goals_.end()) {
    const auto labels = labels_.find(model);
    for (const auto& [label, goal] : goals->second) {
      chosen.insert(goal);
      if (Serves({model, goal}) || labels == labels_.end()) continue;
      if (const auto now = labels->second.find(label); now != labels->second.end()) {
        chosen.insert(now->second);
      }
    }
  }
  std::erase_if(candidates,
                [&chosen](const Offer& offer) { return !chosen.contains(offer.key.version); });
  return candidates;
}

std::vector<Offer> Roster::Candidates(const std::string& model) const {
  std::vector<Offer> candidates;
  for (const auto& [key, offer] : offers_) {
    if (key.name == model && !refusals_.contains(key)) candidates.push_back(offer);
  }
  return candidates;
}

const VersionPolicy& Roster::PolicyOf(const std::string& model) const {
  const ModelRule* const rule = RuleOf(model);
  return rule == nullptr ? policy_ : rule->policy;
}

void Roster::MoveLabels(const std::string& model) {
  const auto goals = goals_.find(model);
  if (goals == goals_.end() || goals->second.empty()) {
    labels_.erase(model);
    return;
  }
  VersionLabels& labels = labels_[model];
  std::erase_if(labels, [&](const auto& entry) { return !goals->second.contains(entry.first); });
  for (const auto& [label, goal] : goals->second) {
    const auto [now, is_new] = labels.try_emplace(label, goal);
    if (!is_new && Serves({model, goal})) now->second = goal;
  }
}

bool Roster::Serves(const ModelKey& key) const {
  const auto version = versions_.find(key);
  return version != versions_.end() && version->second.phase == VersionPhase::kActive &&
         !version->second.failed;
}

// Nothing where there are no rules, or none for it.
const ModelRule* Roster::RuleOf(const std::string& model) const {
  if (!rules_.has_value()) return nullptr;
  const auto rule = rules_->find(model);
  return rule == rules_->end() ? nullptr : &rule->second;
}

bool Roster::Dismissed(const std::string& model) const {
  return rules_.has_value() && RuleOf(model) == nullptr;
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
