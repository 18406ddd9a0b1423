// SPDX-License-Identifier: Apache-2.0
// Versions on trial: how one is tried beside the current version, and how that ends.
#include <fmt/format.h>

#include <algorithm>

#include "lifecycle/roster.h"

namespace holdfast {

Status Roster::RolloutAsked(const std::string& model, const Rollout& rollout) {
  const ModelKey key{model, rollout.version};
  if (!offers_.contains(key) || unloaded_.contains(model)) {
    return Error{Reason::kNotFound, "there is no version " + FormatKey(key) + " to try"};
  }
  const auto current = CurrentVersion(model);
  if (!current.has_value()) {
    return Error{Reason::kNotReady, "no version of \"" + model + "\" serves that " +
                                        FormatKey(key) + " could be compared with"};
  }
  const auto version = versions_.find(key);
  if (Serves(key) && !version->second.tried) {
    return Error{Reason::kBadRequest, FormatKey(key) + " serves already"};
  }
  if (rollout.rule.kind == RolloutKind::kCanary && rollout.version < *current) {
    return Error{Reason::kBadRequest,
                 fmt::format("{} is older than version {}, which serves; a canary is newer",
                             FormatKey(key), *current)};
  }
  const auto running = rollouts_.find(model);
  if (running != rollouts_.end() && running->second.version != rollout.version) {
    EndRollout(model, RolloutEnd::kReplaced, FormatKey(key) + " is tried instead");
  }
  refusals_.erase(key);
  rollouts_[model] = rollout;
  if (version != versions_.end() && version->second.phase != VersionPhase::kRetiring) {
    version->second.tried = true;
    if (Serves(key)) actions_.emplace_back(RolloutStarted{key, rollout.rule});
  }
  return {};
}

Status Roster::CheckOnTrial(const std::string& model, std::optional<std::int64_t> version) const {
  const auto rollout = rollouts_.find(model);
  if (rollout == rollouts_.end()) {
    return Error{Reason::kNotFound, "no version of \"" + model + "\" is on trial"};
  }
  if (version.has_value() && *version != rollout->second.version) {
    return Error{Reason::kNotFound, FormatKey({model, *version}) + " is not on trial"};
  }
  return {};
}

Status Roster::PromoteAsked(const std::string& model, std::optional<std::int64_t> version) {
  TRY_DO(CheckOnTrial(model, version));
  const ModelKey key{model, rollouts_.at(model).version};
  if (!Serves(key)) return Error{Reason::kNotReady, FormatKey(key) + " is still loading"};
  const auto current = CurrentVersion(model);
  if (current.has_value() && *current > key.version) {
    return Error{Reason::kBadRequest, fmt::format("{} is older than version {}, which serves",
                                                  FormatKey(key), *current)};
  }
  EndRollout(model, RolloutEnd::kPromoted, "");
  promoted_[model] = key.version;
  return {};
}

Status Roster::RollBackAsked(const std::string& model, std::optional<std::int64_t> version,
                             const std::string& why) {
  TRY_DO(CheckOnTrial(model, version));
  EndRollout(model, RolloutEnd::kRolledBack, why);
  return {};
}

std::optional<Status> Roster::RolloutOutcome(const ModelKey& key) const {
  if (const auto refusal = refusals_.find(key); refusal != refusals_.end()) {
    return Error{refusal->second.reason, refusal->second.why};
  }
  if (!OnTrial(key)) return Error{Reason::kNotFound, FormatKey(key) + " is not on trial any more"};
  return Serves(key) && versions_.at(key).ready ? std::optional<Status>(Status()) : std::nullopt;
}

bool Roster::OnTrial(const ModelKey& key) const {
  const auto rollout = rollouts_.find(key.name);
  return rollout != rollouts_.end() && rollout->second.version == key.version;
}

std::optional<std::int64_t> Roster::CurrentVersion(const std::string& model) const {
  std::optional<std::int64_t> current;
  for (const auto& [key, version] : versions_) {
    if (key.name == model && Serves(key) && !version.tried) current = key.version;
  }
  return current;
}

std::vector<Offer> Roster::Trusted(const std::string& model, std::vector<Offer> candidates) const {
  if (!trial_.has_value() && !rollouts_.contains(model)) return candidates;
  const auto current = CurrentVersion(model);
  const auto promoted = promoted_.find(model);
  std::erase_if(candidates, [&](const Offer& offer) {
    const bool is_promoted = promoted != promoted_.end() && promoted->second == offer.key.version;
    const bool untried =
        trial_.has_value() && current.has_value() && offer.key.version > *current && !is_promoted;
    return OnTrial(offer.key) || untried;
  });
  return candidates;
}

void Roster::FollowTrial(const std::string& model) {
  const auto rollout = rollouts_.find(model);
  if (rollout != rollouts_.end()) {
    const auto current = CurrentVersion(model);
    const bool canary = rollout->second.rule.kind == RolloutKind::kCanary;
    if (!current.has_value()) {
      EndRollout(model, RolloutEnd::kAlone, "no other version serves any more");
    } else if (canary && *current > rollout->second.version) {
      EndRollout(model, RolloutEnd::kOvertaken, "a newer version serves");
    }
  }
  if (trial_.has_value()) TryNewest(model);
}

// A version that would take over is tried first.
void Roster::TryNewest(const std::string& model) {
  const auto current = CurrentVersion(model);
  if (!current.has_value() || unloaded_.contains(model) || Dismissed(model)) return;
  const std::vector<Offer> chosen = ChooseVersions(PolicyOf(model), Candidates(model));
  if (chosen.empty()) return;
  const ModelKey& newest = chosen.back().key;
  const auto rollout = rollouts_.find(model);
  const std::int64_t known =
      rollout == rollouts_.end() ? *current : std::max(*current, rollout->second.version);
  if (newest.version <= known || Serves(newest)) return;
  (void)RolloutAsked(model, {.version = newest.version, .rule = *trial_});
}

void Roster::EndRollout(const std::string& model, RolloutEnd end, const std::string& why) {
  const Rollout rollout = rollouts_.extract(model).mapped();
  const ModelKey key{model, rollout.version};
  actions_.emplace_back(
      RolloutEnded{.key = key, .kind = rollout.rule.kind, .end = end, .why = why});
  const auto offer = offers_.find(key);
  if ((end == RolloutEnd::kRolledBack || end == RolloutEnd::kReplaced) && offer != offers_.end()) {
    refusals_[key] = {.fingerprint = offer->second.fingerprint,
                      .reason = Reason::kBadModel,
                      .why = "rolled back: " + why,
                      .rolled_back = true};
  }
  const bool free =
      end == RolloutEnd::kPromoted || end == RolloutEnd::kAlone || end == RolloutEnd::kOvertaken;
  const auto version = versions_.find(key);
  if (free && version != versions_.end()) version->second.tried = false;
}

}  // namespace holdfast
