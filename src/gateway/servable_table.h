// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/strong_id.h"
#include "ipc/description.h"
#include "ipc/servable_list.h"
#include "model/servable_status.h"

namespace holdfast {

// Which version of which model a request asks for.
struct ModelChoice {
  std::optional<std::string> model;     // Nothing: the default model.
  std::optional<std::int64_t> version;  // Nothing: the label's, or the newest.
  std::optional<std::string> label;
  bool any_version() const { return !version.has_value() && !label.has_value(); }
};

// The servables that the supervisor has announced, and how requests name them.
class ServableTable {
 public:
  // `on_demand`: clients add models when they want them, so that none is a state like any other.
  explicit ServableTable(std::string default_model, bool on_demand = false)
      : default_model_(std::move(default_model)), on_demand_(on_demand) {}

  // A servable has loaded. Requests reach it unless the list gives it another state.
  void Add(ServableId id, ServableDescription description);
  // What the supervisor serves, loads, retires or has refused: the whole of it.
  void Update(const ServableList& list);
  void SetFailed(ServableId id) { failed_.insert(id); }
  // The servable must not be held.
  void Forget(ServableId id);

  // A version on trial that can be asked, and how it is tried.
  struct Trial {
    ServableId servable;
    RolloutRule rule;
  };
  // Of the model that `current` is a version of; nothing: there is none, or it is `current` itself.
  std::optional<Trial> TrialBeside(ServableId current) const;
  bool OnTrial(ServableId id) const;
  const std::map<std::string, Rollout>& rollouts() const { return rollouts_; }

  // Without a model: the default model. Without a version: the highest whose workers live and that
  // is not on trial.
  // kNotFound says what there is; kNotReady: it may still be loading; kBadRequest: no such label.
  Result<ServableId> Resolve(const ModelChoice& choice) const;

  // Keeps a servable from being forgotten while a request is read that will ask it.
  class Hold {
   public:
    Hold(ServableTable& table, ServableId id) : table_(table), id_(id) { ++table_.holds_[id_]; }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() {
      if (--table_.holds_[id_] == 0) table_.holds_.erase(id_);
    }

   private:
    ServableTable& table_;
    ServableId id_;
  };
  bool held(ServableId id) const { return holds_.contains(id); }

  const ServableDescription& Get(ServableId id) const { return servables_.at(id); }
  bool Has(ServableId id) const { return servables_.contains(id); }
  bool failed(ServableId id) const { return failed_.contains(id); }
  // Whether every model either can be asked or is known to be broken, and one can be asked. On
  // demand: always.
  bool complete() const;
  bool on_demand() const { return on_demand_; }
  // The models that clients have added and that can be asked, and the folders they are from.
  std::map<std::string, std::string> added() const;
  // Those that new requests can reach, failed ones included.
  std::vector<ServableId> ids() const;
  // The versions of `model` that can be asked, the lowest first.
  std::vector<std::int64_t> VersionsOf(const std::string& model) const;
  // Those that get no new requests and still have their workers.
  std::vector<ServableId> retiring() const;
  // Those that the supervisor does not know any more.
  std::vector<ServableId> dropped() const;

  // What a version is called besides its number, in alphabetical order.
  std::vector<std::string> LabelsOf(const ModelKey& key) const;
  // All versions of all models, by name, the newest first.
  std::vector<ServableStatus> Statuses() const;
  // The versions of a model, for TensorFlow Serving's status call, the newest first: also those
  // that could not be loaded. Errors as Resolve()'s.
  Result<std::vector<ServableStatus>> StatusOf(const ModelChoice& choice) const;

 private:
  const std::string& NameOf(const ModelChoice& choice) const;
  // The version that is asked for; nothing: any.
  Result<std::optional<std::int64_t>> VersionOf(const ModelChoice& choice) const;
  ServableState StateOf(ServableId id) const;
  bool Reachable(ServableId id) const;
  std::map<ModelKey, ServableStatus> AllStatuses() const;
  Error WhyNot(const std::string& name, std::optional<std::int64_t> version) const;

  std::string default_model_;
  bool on_demand_;
  std::map<ServableId, ServableDescription> servables_;
  std::set<ServableId> failed_;
  std::map<ServableId, std::size_t> holds_;
  bool listed_ = false;
  std::map<ServableId, ServableState> states_;
  std::map<ModelKey, ServableStatus> statuses_;
  std::map<std::string, VersionLabels> labels_;  // By model.
  std::map<std::string, std::string> folders_;   // Of added models, by name.
  std::map<std::string, Rollout> rollouts_;      // By model.
};

}  // namespace holdfast
