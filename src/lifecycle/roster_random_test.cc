// SPDX-License-Identifier: Apache-2.0
// The roster through random lives of versions: what must hold at every step, for each seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "lifecycle/roster.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kSeeds = 2000;
constexpr int kSteps = 120;

// A repository, an operator and processes that do at random what such things do.
class World {
 public:
  explicit World(std::uint64_t seed)
      : random_(seed), policy_(DrawPolicy()), roster_(policy_, DrawTrial()) {
    for (int step = 0; step < kSteps; ++step) {
      Act();
      Follow();
      Check();
    }
    Settle();
  }

 private:
  std::uint32_t Below(std::uint32_t bound) {
    return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(random_);
  }

  VersionPolicy DrawPolicy() {
    VersionPolicy policy;
    policy.latest = 1 + Below(2);
    if (Below(4) == 0) policy.kind = VersionPolicy::Kind::kAll;
    return policy;
  }

  std::optional<RolloutRule> DrawTrial() {
    return Below(3) == 0 ? std::optional(RolloutRule()) : std::nullopt;
  }

  ModelKey DrawKey() { return {Below(2) == 0 ? "a" : "b", 1 + Below(4)}; }

  void Act() {
    const ModelKey key = DrawKey();
    switch (Below(10)) {
      case 0:
      case 1:
        folder_[key] = {.key = key, .folder = "f", .fingerprint = 1 + Below(3), .bytes = 1};
        break;
      case 2:
        folder_.erase(key);
        break;
      case 3:
        if (Below(2) == 0) {
          roster_.LoadAsked(key.name);
          ordered_gone_.erase(key.name);
        } else {
          roster_.LoadAsked(std::nullopt);
          ordered_gone_.clear();
        }
        break;
      case 4:
        if (Below(3) == 0 && roster_.UnloadAsked(key.name)) ordered_gone_.insert(key.name);
        break;
      case 5:
        if (Below(4) == 0) {
          (void)roster_.LabelAsked(key.name, "stable", std::nullopt);
        } else {
          (void)roster_.LabelAsked(key.name, "stable", key.version);
        }
        break;
      case 6:
        (void)roster_.RolloutAsked(
            key.name,
            {.version = key.version,
             .rule = {.kind = Below(3) == 0 ? RolloutKind::kShadow : RolloutKind::kCanary}});
        break;
      case 7:
        if (Below(2) == 0) {
          (void)roster_.PromoteAsked(key.name, std::nullopt);
        } else {
          (void)roster_.RollBackAsked(key.name, std::nullopt, "it was worse");
        }
        break;
      default:
        break;
    }
    if (Below(2) == 0) Offer();
    MoveProcesses(Below(3) == 0);
  }

  void Offer() {
    offered_ = folder_;
    std::vector<holdfast::Offer> offers;
    for (const auto& [key, offer] : folder_) offers.push_back(offer);
    roster_.Offered({.offers = std::move(offers), .rules = std::nullopt});
  }

  // Some of what runs gets on, or fails.
  void MoveProcesses(bool may_fail) {
    for (auto& [id, process] : processes_) {
      if (Below(2) == 0) continue;
      if (may_fail && Below(3) == 0 && !process.failed && !process.retiring) {
        process.failed = true;
        roster_.Failed(process.key, Reason::kBadModel, "it wants to");
      } else if (process.retiring) {
        roster_.Drained(id);
      } else if (!process.failed) {
        process.loaded ? roster_.Ready(id) : roster_.Loaded(id);
        process.loaded = true;
      }
    }
  }

  void Follow() {
    for (auto actions = roster_.Decide(); !actions.empty(); actions = roster_.Decide()) {
      for (const RosterAction& action : actions) Carry(action);
    }
  }

  void Carry(const RosterAction& action) {
    if (const auto* load = std::get_if<LoadVersion>(&action)) {
      for (const auto& [id, process] : processes_) {
        EXPECT_NE(process.key, load->offer.key) << "it runs already";
      }
      const bool serves = std::any_of(processes_.begin(), processes_.end(), [](const auto& one) {
        return one.second.active && !one.second.failed;
      });
      const bool loads = std::any_of(processes_.begin(), processes_.end(), [](const auto& one) {
        return !one.second.active && !one.second.retiring && !one.second.failed;
      });
      EXPECT_FALSE(serves && loads) << "two load beside one that serves";
      const ServableId id{next_++};
      processes_[id] = {.key = load->offer.key};
      roster_.Started(load->offer.key, id);
    } else if (const auto* activate = std::get_if<ActivateVersion>(&action)) {
      Process& process = processes_.at(activate->servable);
      EXPECT_TRUE(process.loaded && !process.active && !process.failed);
      process.active = true;
    } else if (const auto* retire = std::get_if<RetireVersion>(&action)) {
      Process& process = processes_.at(retire->servable);
      EXPECT_TRUE(process.active);
      process.active = false;
      process.retiring = true;
      const bool replaced = std::any_of(processes_.begin(), processes_.end(), [&](auto& one) {
        return one.second.key.name == process.key.name && one.second.active;
      });
      EXPECT_TRUE(process.failed || replaced || ordered_gone_.contains(process.key.name))
          << FormatKey(process.key) << " retires and nothing takes its place";
    } else if (const auto* unload = std::get_if<UnloadVersion>(&action)) {
      const Process& process = processes_.at(unload->servable);
      EXPECT_FALSE(process.active) << "it is ended while requests may come";
      processes_.erase(unload->servable);
    }
  }

  // Once a model has been served, a version serves until somebody wants it gone or it fails.
  void Check() {
    std::set<std::string> serving;
    std::set<std::string> failing;
    for (const auto& [id, process] : processes_) {
      if (process.active && !process.failed) serving.insert(process.key.name);
      if (process.failed) failing.insert(process.key.name);
    }
    for (const std::string& name : served_) {
      EXPECT_TRUE(serving.contains(name) || failing.contains(name) || ordered_gone_.contains(name))
          << name << " is served no more";
    }
    served_ = serving;
    CheckLabels();
    CheckRollouts();
  }

  // A label that means a version that serves goes on doing so until that version fails, its files
  // vanish or somebody wants the model gone.
  void CheckLabels() {
    std::set<std::string> meant;
    for (const auto& [model, labels] : roster_.labels()) {
      const ModelKey key{model, labels.at("stable")};
      const bool serves = std::any_of(processes_.begin(), processes_.end(), [&](const auto& one) {
        return one.second.key == key && one.second.active && !one.second.failed;
      });
      if (serves) meant.insert(model);
      const bool excused = ordered_gone_.contains(model) || !offered_.contains(key) ||
                           roster_.refusals().contains(key);
      EXPECT_TRUE(serves || excused || !meant_.contains(model)) << FormatKey(key);
    }
    meant_ = meant;
  }

  // Whatever is tried, another version serves beside it.
  void CheckRollouts() {
    for (const auto& [model, rollout] : roster_.rollouts()) {
      EXPECT_TRUE(std::any_of(processes_.begin(), processes_.end(),
                              [&](const auto& one) {
                                return one.second.key.name == model &&
                                       one.second.key.version != rollout.version &&
                                       one.second.active && !one.second.failed;
                              }))
          << model << ": nothing serves beside version " << rollout.version;
    }
  }

  // When nothing fails any more and nobody changes anything, what is wanted serves and no more.
  void Settle() {
    roster_.LoadAsked(std::nullopt);
    ordered_gone_.clear();
    for (const char* name : {"a", "b"}) {
      folder_[{name, 9}] = {.key = {name, 9}, .folder = "f", .fingerprint = 1, .bytes = 1};
    }
    Offer();
    for (int round = 0; round < 100; ++round) {
      Follow();
      MoveProcesses(false);
    }
    for (const char* name : {"a", "b"}) (void)roster_.PromoteAsked(name, std::nullopt);
    for (int round = 0; round < 100; ++round) {
      Follow();
      MoveProcesses(false);
    }
    Follow();
    std::set<ModelKey> active;
    for (const auto& [id, process] : processes_) {
      if (process.active && !process.failed) active.insert(process.key);
    }
    std::set<ModelKey> wanted;
    for (const holdfast::Offer& offer : roster_.wanted()) wanted.insert(offer.key);
    EXPECT_EQ(active, wanted);
    EXPECT_TRUE(wanted.contains({"a", 9}) && wanted.contains({"b", 9}));
    EXPECT_EQ(processes_.size(), wanted.size()) << "something is left";
  }

  struct Process {
    ModelKey key;
    bool loaded = false;
    bool active = false;
    bool retiring = false;
    bool failed = false;
  };

  std::mt19937_64 random_;
  VersionPolicy policy_;
  Roster roster_;
  std::map<ModelKey, holdfast::Offer> folder_;
  std::map<ModelKey, holdfast::Offer> offered_;  // As the roster knows it.
  std::map<ServableId, Process> processes_;
  std::set<std::string> ordered_gone_;
  std::set<std::string> served_;
  std::set<std::string> meant_;  // Models whose label means a version that serves.
  std::uint32_t next_ = 0;
};

TEST(RosterAtRandom, HoldsItsPromisesForEachSeed) {
  for (std::uint64_t seed = 0; seed < kSeeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
  }
}

}  // namespace
}  // namespace holdfast
