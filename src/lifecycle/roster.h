// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/reason.h"
#include "base/result.h"
#include "base/strong_id.h"
#include "model/model_key.h"
#include "model/offering.h"
#include "model/rollout_rule.h"

namespace holdfast {

// What the roster tells the supervisor to do, in this order. Ids are the supervisor's.
//
// Start the version's processes, and tell the roster their id with Started().
struct LoadVersion {
  Offer offer;
};
// New requests for the model go to it.
struct ActivateVersion {
  ServableId servable;
};
// No new requests go to it; Drained() says that the last one has left.
struct RetireVersion {
  ServableId servable;
};
// Its processes end.
struct UnloadVersion {
  ServableId servable;
};
// Told, not to be carried out: a version is tried from now on, …
struct RolloutStarted {
  ModelKey key;
  RolloutRule rule;
};
// … and why no more.
enum class RolloutEnd { kPromoted, kRolledBack, kFailed, kReplaced, kOvertaken, kAlone, kGone };
constexpr const char* RolloutEndWord(RolloutEnd end) {
  switch (end) {
    case RolloutEnd::kPromoted:
      return "promoted";
    case RolloutEnd::kRolledBack:
      return "rolled-back";
    case RolloutEnd::kFailed:
      return "failed";
    case RolloutEnd::kReplaced:
      return "replaced";
    case RolloutEnd::kOvertaken:
      return "overtaken";
    case RolloutEnd::kAlone:
      return "alone";
    case RolloutEnd::kGone:
      break;
  }
  return "gone";
}
struct RolloutEnded {
  ModelKey key;
  RolloutKind kind = RolloutKind::kCanary;
  RolloutEnd end = RolloutEnd::kGone;
  std::string why;
};
using RosterAction = std::variant<LoadVersion, ActivateVersion, RetireVersion, UnloadVersion,
                                  RolloutStarted, RolloutEnded>;

// Loading → active → retiring → gone. Only an active version gets new requests.
enum class VersionPhase { kLoading, kActive, kRetiring };

// Which versions of which models are served, and how one comes and goes: a new version loads beside
// the old one, takes over when it can answer, and only then the old one goes. A version that cannot
// be loaded, or whose workers keep dying, counts as if it were not there until its files change or
// somebody asks again: the next best takes its place, and what serves goes on serving.
//
// A version that a label is to mean is served whatever the policy chooses. Until it can answer, the
// label keeps its old meaning, and that version serves.
//
// A version on trial (a rollout) is served beside the current one, which stays whatever the policy
// says. Promoted, it is current. Rolled back, it is refused, until its files change or somebody
// asks for this very model. Where nothing else is left to serve, the trial is over and the policy
// decides: an untried version is better than none.
// Pure: events in, actions out.
class Roster {
 public:
  // `policy`: of models that no rule is given for. `trial`: how a version is tried that would take
  // over from one that serves; nothing: it takes over when it can answer.
  explicit Roster(VersionPolicy policy, std::optional<RolloutRule> trial = std::nullopt)
      : policy_(std::move(policy)), trial_(std::move(trial)) {}

  // --- Events ---
  // What there is now, all of it. A model of which nothing is left is served on: an empty folder is
  // more often an accident than an order. One that the rules do not name any more goes.
  void Offered(Offering offering);
  // Somebody asks for `model`, or for all: what was refused is tried again, and what was unloaded
  // is loaded.
  void LoadAsked(const std::optional<std::string>& model);
  // The model is to go, whatever the repository holds. False: there is none.
  bool UnloadAsked(const std::string& model);
  // The label is to mean `version` from now on, or nothing. Holds until the rules give the model
  // other labels. kNotFound: there is no such version, or the model is unloaded.
  Status LabelAsked(const std::string& model, const std::string& label,
                    std::optional<std::int64_t> version);

  // The version is to be tried beside the one that serves, or by another rule than before.
  // kNotFound: there is none; kBadRequest: it serves already, or is no newer one; kNotReady:
  // nothing serves beside it.
  Status RolloutAsked(const std::string& model, const Rollout& rollout);
  // The version on trial is to be the current one. `version`: that it is meant; nothing: whichever.
  // kNotFound: none is on trial; kNotReady: it cannot answer yet; kBadRequest: it is an older one.
  Status PromoteAsked(const std::string& model, std::optional<std::int64_t> version);
  // The version on trial is to go, for `why`. kNotFound: none is on trial.
  Status RollBackAsked(const std::string& model, std::optional<std::int64_t> version,
                       const std::string& why);

  void Started(const ModelKey& key, ServableId servable);
  // It has loaded and passed its golden examples; its workers are on their way.
  void Loaded(ServableId servable);
  // All its workers are ready.
  void Ready(ServableId servable);
  // It could not be loaded, or its crash budget is spent.
  void Failed(const ModelKey& key, Reason reason, const std::string& why);
  // No request is left that a retiring version has to answer.
  void Drained(ServableId servable);

  std::vector<RosterAction> Decide();

  // How an order for the model has ended; nothing: it is still under way.
  std::optional<Status> LoadOutcome(const std::string& model) const;
  std::optional<Status> UnloadOutcome(const std::string& model) const;
  std::optional<Status> LabelOutcome(const std::string& model,
                                     std::optional<std::int64_t> version) const;
  std::optional<Status> RolloutOutcome(const ModelKey& key) const;
  // Of all models that the rules name.
  std::optional<Status> RulesOutcome() const;
  // Whether the rules name the model; nothing of it may be there.
  bool Rules(const std::string& model) const { return RuleOf(model) != nullptr; }

  // --- State ---
  struct Version {
    Offer offer;
    VersionPhase phase = VersionPhase::kLoading;
    bool started = false;
    ServableId servable;  // Once started.
    bool loaded = false;
    bool ready = false;
    bool failed = false;
    bool tried = false;  // It is, or was, on trial, and was not promoted.
  };
  const std::map<ModelKey, Version>& versions() const { return versions_; }
  struct Refusal {
    std::uint64_t fingerprint = 0;
    Reason reason = Reason::kInternal;
    std::string why;
    bool rolled_back = false;  // Only who asks for its model gets it tried again.
  };
  const std::map<ModelKey, Refusal>& refusals() const { return refusals_; }
  // All versions that are to be served, models by name, versions ascending.
  std::vector<Offer> wanted() const;
  // What each model's labels mean now.
  const std::map<std::string, VersionLabels>& labels() const { return labels_; }
  // The version of each model that is on trial, served or on its way.
  const std::map<std::string, Rollout>& rollouts() const { return rollouts_; }

 private:
  // What policy and labels choose of the versions that have not failed.
  std::vector<Offer> Wanted(const std::string& model) const;
  void TakeRules(std::optional<ModelRules> rules);
  const ModelRule* RuleOf(const std::string& model) const;
  bool Dismissed(const std::string& model) const;
  // Whether requests reach it.
  bool Serves(const ModelKey& key) const;
  void MoveLabels(const std::string& model);
  // Whether the rules themselves say so.
  bool RuledLabel(const std::string& model, const std::string& label, std::int64_t version) const;
  // --- Rollouts: roster_rollouts.cc ---
  bool OnTrial(const ModelKey& key) const;
  // The newest version that serves and is not tried.
  std::optional<std::int64_t> CurrentVersion(const std::string& model) const;
  // Without those that are to be tried first.
  std::vector<Offer> Trusted(const std::string& model, std::vector<Offer> candidates) const;
  void FollowTrial(const std::string& model);
  void TryNewest(const std::string& model);
  void EndRollout(const std::string& model, RolloutEnd end, const std::string& why);
  Status CheckOnTrial(const std::string& model, std::optional<std::int64_t> version) const;

  const VersionPolicy& PolicyOf(const std::string& model) const;
  std::vector<Offer> Candidates(const std::string& model) const;
  std::set<std::string> Models() const;
  void DecideFor(const std::string& model);
  // How things stand for one version.
  struct Outlook {
    bool is_wanted = false;
    bool any_wanted = false;  // Of its model.
    bool relieved = false;    // All that are wanted of its model serve.
    bool unload = false;      // Somebody wants its model gone.
  };
  // What becomes of a version that is not wanted, or has failed. True: it is to be forgotten.
  bool LetGo(Version& version, const Outlook& outlook);
  bool MayLoad() const;
  bool LastOfAll(const ModelKey& key) const;
  Version* Find(ServableId servable);

  VersionPolicy policy_;
  std::optional<RolloutRule> trial_;
  std::optional<ModelRules> rules_;
  std::map<std::string, VersionLabels> goals_;   // What each model's labels are to mean.
  std::map<std::string, VersionLabels> labels_;  // What they mean until their goals serve.
  std::map<ModelKey, Offer> offers_;
  std::map<ModelKey, Version> versions_;  // Whose processes run, or are to start.
  std::map<ModelKey, Refusal> refusals_;
  std::map<std::string, Rollout> rollouts_;
  std::map<std::string, std::int64_t> promoted_;  // Served whatever the policy says.
  std::set<std::string> unloaded_;                // Models that somebody wants gone.
  std::vector<RosterAction> actions_;
};

}  // namespace holdfast
