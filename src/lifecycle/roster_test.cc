// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/roster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace holdfast {
namespace {

// Carries out what the roster decides, as the supervisor would, and remembers it.
class RosterTest : public testing::Test {
 protected:
  explicit RosterTest(VersionPolicy policy = {}) : roster_(std::move(policy)) {}

  static Offer OfferOf(const std::string& name, std::int64_t version,
                       std::uint64_t fingerprint = 1) {
    return {.key = {name, version},
            .folder = name + "/" + std::to_string(version),
            .fingerprint = fingerprint,
            .bytes = 10};
  }

  void Offered(std::vector<Offer> offers, std::optional<ModelRules> rules = std::nullopt) {
    roster_.Offered({.offers = std::move(offers), .rules = std::move(rules)});
  }
  VersionLabels Labels() const {
    const auto labels = roster_.labels().find("m");
    return labels == roster_.labels().end() ? VersionLabels() : labels->second;
  }

  void Follow() {
    for (auto actions = roster_.Decide(); !actions.empty(); actions = roster_.Decide()) {
      for (const RosterAction& action : actions) Carry(action);
    }
  }

  void Carry(const RosterAction& action) {
    if (const auto* load = std::get_if<LoadVersion>(&action)) {
      const ServableId id{next_id_++};
      ids_[load->offer.key] = id;
      names_[id] = FormatKey(load->offer.key);
      roster_.Started(load->offer.key, id);
      done_.push_back("load " + FormatKey(load->offer.key));
    }
    if (const auto* it = std::get_if<ActivateVersion>(&action)) Note("activate", it->servable);
    if (const auto* it = std::get_if<RetireVersion>(&action)) Note("retire", it->servable);
    if (const auto* it = std::get_if<UnloadVersion>(&action)) Note("unload", it->servable);
  }
  void Note(const std::string& what, ServableId id) { done_.push_back(what + " " + names_[id]); }

  // What was done since the last call.
  std::vector<std::string> Done() {
    Follow();
    return std::exchange(done_, {});
  }
  void Serve(const ModelKey& key) {
    roster_.Loaded(ids_.at(key));
    Follow();
    roster_.Ready(ids_.at(key));
  }
  // A server that serves m/1.
  void ServeFirst() {
    Offered({OfferOf("m", 1)});
    Follow();
    Serve({"m", 1});
    Done();
  }

  using Words = std::vector<std::string>;
  Roster roster_;
  std::map<ModelKey, ServableId> ids_;
  std::map<ServableId, std::string> names_;
  Words done_;
  std::uint32_t next_id_ = 0;
};

TEST_F(RosterTest, ALoneVersionIsActiveAsSoonAsItIsLoaded) {
  Offered({OfferOf("m", 1)});
  EXPECT_EQ(Done(), (Words{"load m/1"}));
  roster_.Loaded(ids_.at({"m", 1}));
  EXPECT_EQ(Done(), (Words{"activate m/1"}));
}

TEST_F(RosterTest, ANewVersionTakesOverWhenItsWorkersAreReadyAndOnlyThenTheOldOneGoes) {
  ServeFirst();
  Offered({OfferOf("m", 1), OfferOf("m", 2)});
  EXPECT_EQ(Done(), (Words{"load m/2"}));
  roster_.Loaded(ids_.at({"m", 2}));
  EXPECT_EQ(Done(), Words{});
  roster_.Ready(ids_.at({"m", 2}));
  EXPECT_EQ(Done(), (Words{"activate m/2", "retire m/1"}));
  roster_.Drained(ids_.at({"m", 1}));
  EXPECT_EQ(Done(), (Words{"unload m/1"}));
}

TEST_F(RosterTest, ABrokenVersionIsRefusedWhileTheOldOneServes) {
  ServeFirst();
  Offered({OfferOf("m", 1), OfferOf("m", 2)});
  Done();
  roster_.Failed({"m", 2}, Reason::kBadModel, "its hash is wrong");
  EXPECT_EQ(Done(), (Words{"unload m/2"}));
  EXPECT_EQ(roster_.refusals().at({"m", 2}).why, "its hash is wrong");
  Offered({OfferOf("m", 1), OfferOf("m", 2)});
  EXPECT_EQ(Done(), Words{}) << "it is tried again although nothing has changed";
  Offered({OfferOf("m", 1), OfferOf("m", 2, 7)});
  EXPECT_EQ(Done(), (Words{"load m/2"})) << "its files have changed";
}

TEST_F(RosterTest, WhoeverAsksGetsARefusedVersionTriedAgain) {
  ServeFirst();
  Offered({OfferOf("m", 1), OfferOf("m", 2)});
  Done();
  roster_.Failed({"m", 2}, Reason::kInsufficientResources, "no memory");
  Done();
  roster_.LoadAsked("other");
  EXPECT_EQ(Done(), Words{});
  roster_.LoadAsked("m");
  EXPECT_EQ(Done(), (Words{"load m/2"}));
}

TEST_F(RosterTest, AVersionWhoseWorkersKeepDyingGivesWayToTheOneBefore) {
  ServeFirst();
  Offered({OfferOf("m", 1), OfferOf("m", 2)});
  Done();
  Serve({"m", 2});
  Done();
  roster_.Drained(ids_.at({"m", 1}));
  Done();
  roster_.Failed({"m", 2}, Reason::kNoWorker, "its workers keep dying");
  EXPECT_EQ(Done(), (Words{"load m/1"}));
  roster_.Loaded(ids_.at({"m", 1}));
  EXPECT_EQ(Done(), (Words{"activate m/1", "retire m/2"}));
}

TEST_F(RosterTest, ABrokenNewestVersionAtTheStartGivesWayToTheOneBefore) {
  Offered({OfferOf("m", 1), OfferOf("m", 2)});
  EXPECT_EQ(Done(), (Words{"load m/2"}));
  roster_.Failed({"m", 2}, Reason::kBadModel, "truncated");
  EXPECT_EQ(Done(), (Words{"load m/1", "unload m/2"}));
}

TEST_F(RosterTest, TheLastOfAllIsNotUnloadedForFailing) {
  Offered({OfferOf("m", 1)});
  Done();
  roster_.Failed({"m", 1}, Reason::kBadModel, "truncated");
  EXPECT_EQ(Done(), Words{});
}

TEST_F(RosterTest, AnEmptiedFolderIsNoOrder) {
  ServeFirst();
  Offered({});
  EXPECT_EQ(Done(), Words{});
}

TEST_F(RosterTest, ARemovedVersionGivesWayToTheOneThatIsLeft) {
  Offered({OfferOf("m", 1), OfferOf("m", 2)});
  Done();
  Serve({"m", 2});
  Done();
  Offered({OfferOf("m", 1)});
  EXPECT_EQ(Done(), (Words{"load m/1"}));
  Serve({"m", 1});
  EXPECT_EQ(Done(), (Words{"activate m/1", "retire m/2"}));
}

TEST_F(RosterTest, AVersionThatIsOvertakenWhileItLoadsIsEnded) {
  ServeFirst();
  Offered({OfferOf("m", 1), OfferOf("m", 2)});
  Done();
  Offered({OfferOf("m", 1), OfferOf("m", 2), OfferOf("m", 3)});
  EXPECT_EQ(Done(), (Words{"unload m/2", "load m/3"}));
}

TEST_F(RosterTest, UnloadedModelsGoAndComeBackWhenAsked) {
  ServeFirst();
  EXPECT_FALSE(roster_.UnloadAsked("other"));
  EXPECT_TRUE(roster_.UnloadAsked("m"));
  EXPECT_EQ(Done(), (Words{"retire m/1"}));
  roster_.Drained(ids_.at({"m", 1}));
  EXPECT_EQ(Done(), (Words{"unload m/1"}));
  roster_.LoadAsked("m");
  EXPECT_EQ(Done(), (Words{"load m/1"}));
}

TEST_F(RosterTest, BesideRequestsOneVersionLoadsAtATime) {
  ServeFirst();
  Offered({OfferOf("a", 1), OfferOf("b", 1), OfferOf("m", 1)});
  EXPECT_EQ(Done(), (Words{"load a/1"}));
  roster_.Loaded(ids_.at({"a", 1}));
  EXPECT_EQ(Done(), (Words{"activate a/1", "load b/1"}));
}

TEST_F(RosterTest, AtTheStartAllModelsLoadTogether) {
  Offered({OfferOf("a", 1), OfferOf("b", 1)});
  EXPECT_EQ(Done(), (Words{"load a/1", "load b/1"}));
}

TEST_F(RosterTest, AVersionThatDoesNotFitIsRefusedBeforeItStarts) {
  ServeFirst();
  Offered({OfferOf("m", 1), OfferOf("m", 2)});
  ASSERT_EQ(roster_.Decide().size(), 1u);
  roster_.Failed({"m", 2}, Reason::kInsufficientResources, "no memory");
  EXPECT_EQ(Done(), Words{});
  EXPECT_FALSE(roster_.versions().contains({"m", 2}));
}

class RosterOfTwo : public RosterTest {
 protected:
  RosterOfTwo() : RosterTest({.latest = 2, .specific = {}}) {}
};

TEST_F(RosterOfTwo, BothServeAndTheOldestGoesWhenAThirdIsReady) {
  Offered({OfferOf("m", 1), OfferOf("m", 2)});
  EXPECT_EQ(Done(), (Words{"load m/1", "load m/2"}));
  Serve({"m", 1});
  Serve({"m", 2});
  EXPECT_EQ(Done(), (Words{"activate m/1", "activate m/2"}));
  Offered({OfferOf("m", 1), OfferOf("m", 2), OfferOf("m", 3)});
  EXPECT_EQ(Done(), (Words{"load m/3"}));
  Serve({"m", 3});
  EXPECT_EQ(Done(), (Words{"activate m/3", "retire m/1"}));
}

// --- Labels ---

TEST_F(RosterTest, ALabelMovesWhenItsNewVersionServesAndTheOldOneStaysUntilThen) {
  ServeFirst();
  ASSERT_TRUE(roster_.LabelAsked("m", "stable", 1));
  EXPECT_TRUE(Done().empty());
  EXPECT_EQ(Labels(), (VersionLabels{{"stable", 1}}));
  Offered({OfferOf("m", 1), OfferOf("m", 2)});
  EXPECT_EQ(Done(), (std::vector<std::string>{"load m/2"}));
  Serve({"m", 2});
  // The policy wants the latest one only; the label keeps the other.
  EXPECT_EQ(Done(), (std::vector<std::string>{"activate m/2"}));

  ASSERT_TRUE(roster_.LabelAsked("m", "stable", 2));
  EXPECT_EQ(Done(), (std::vector<std::string>{"retire m/1"}));
  EXPECT_EQ(Labels(), (VersionLabels{{"stable", 2}}));
}

TEST_F(RosterTest, ALabelMovesBackToAVersionThatMustLoadFirst) {
  Offered({OfferOf("m", 1), OfferOf("m", 2)});
  Follow();
  Serve({"m", 2});
  ASSERT_TRUE(roster_.LabelAsked("m", "stable", 2));
  Done();
  ASSERT_TRUE(roster_.LabelAsked("m", "stable", 1));
  EXPECT_FALSE(roster_.LabelOutcome("m", 1).has_value());
  EXPECT_EQ(Done(), (std::vector<std::string>{"load m/1"}));
  EXPECT_EQ(Labels(), (VersionLabels{{"stable", 2}}));
  Serve({"m", 1});
  Done();
  EXPECT_EQ(Labels(), (VersionLabels{{"stable", 1}}));
  EXPECT_TRUE(*roster_.LabelOutcome("m", 1));
}

TEST_F(RosterTest, AnOrderedLabelWhoseVersionIsRefusedStaysWhereItIs) {
  ServeFirst();
  ASSERT_TRUE(roster_.LabelAsked("m", "stable", 1));
  Offered({OfferOf("m", 1), OfferOf("m", 2)});
  ASSERT_TRUE(roster_.LabelAsked("m", "stable", 2));
  Done();
  roster_.Failed({"m", 2}, Reason::kBadModel, "its hash is wrong");
  Done();
  EXPECT_EQ(roster_.LabelOutcome("m", 2)->error().message, "its hash is wrong");
  EXPECT_EQ(Labels(), (VersionLabels{{"stable", 1}}));
  Offered({OfferOf("m", 1), OfferOf("m", 2, 7)});  // Mended: the newest serves, the label stays.
  Done();
  Serve({"m", 2});
  EXPECT_EQ(Done(), (std::vector<std::string>{"activate m/2"}));
  EXPECT_EQ(Labels(), (VersionLabels{{"stable", 1}}));
}

TEST_F(RosterTest, ALabelOfNothingIsRefused) {
  ServeFirst();
  EXPECT_EQ(roster_.LabelAsked("m", "stable", 2).error().reason, Reason::kNotFound);
  EXPECT_EQ(roster_.LabelAsked("m", "stable", std::nullopt).error().reason, Reason::kNotFound);
  ASSERT_TRUE(roster_.LabelAsked("m", "stable", 1));
  EXPECT_TRUE(roster_.LabelAsked("m", "stable", std::nullopt));
  Done();
  EXPECT_TRUE(Labels().empty());
}

// --- Rules ---

TEST_F(RosterTest, RulesSayWhichVersionsOfWhichModelsServe) {
  const VersionPolicy all{.kind = VersionPolicy::Kind::kAll};
  const VersionLabels labels{{"stable", 1}, {"canary", 2}};
  Offered({OfferOf("m", 1), OfferOf("m", 2), OfferOf("n", 1), OfferOf("n", 2)},
          ModelRules{{"m", {all, labels}}, {"n", {}}});
  EXPECT_EQ(Done(), (std::vector<std::string>{"load m/1", "load m/2", "load n/2"}));
  EXPECT_EQ(Labels(), labels);
}

TEST_F(RosterTest, WhatTheRulesNoLongerNameGoes) {
  Offered({OfferOf("m", 1), OfferOf("n", 1)}, ModelRules{{"m", {}}, {"n", {}}});
  Follow();
  Serve({"m", 1});
  Serve({"n", 1});
  Done();
  EXPECT_TRUE(*roster_.RulesOutcome());
  Offered({OfferOf("n", 1)}, ModelRules{{"n", {}}});
  EXPECT_FALSE(roster_.RulesOutcome().has_value());
  EXPECT_EQ(Done(), (std::vector<std::string>{"retire m/1"}));
  roster_.Drained(ids_.at({"m", 1}));
  EXPECT_EQ(Done(), (std::vector<std::string>{"unload m/1"}));
  EXPECT_TRUE(*roster_.RulesOutcome());
  // A model that is still named and whose folder is empty is served on.
  Offered({}, ModelRules{{"n", {}}});
  EXPECT_TRUE(Done().empty());
}

TEST_F(RosterTest, AnOrderedLabelHoldsUntilTheRulesSayAnother) {
  const VersionPolicy all{.kind = VersionPolicy::Kind::kAll};
  const std::vector<Offer> offers{OfferOf("m", 1), OfferOf("m", 2)};
  Offered(offers, ModelRules{{"m", {all, {{"stable", 1}}}}});
  Follow();
  Serve({"m", 1});
  Follow();
  Serve({"m", 2});
  Done();
  ASSERT_TRUE(roster_.LabelAsked("m", "stable", 2));
  Offered(offers, ModelRules{{"m", {all, {{"stable", 1}}}}});  // As it was.
  Done();
  EXPECT_EQ(Labels(), (VersionLabels{{"stable", 2}}));
  Offered(offers, ModelRules{{"m", {all, {{"stable", 1}, {"old", 1}}}}});
  Done();
  EXPECT_EQ(Labels(), (VersionLabels{{"old", 1}, {"stable", 1}}));
}

TEST_F(RosterTest, TheLastOfAllIsUnloadedWhenTheRulesDropIt) {
  const ModelRules rules{{"m", {}}};
  Offered({OfferOf("m", 1)}, rules);
  EXPECT_TRUE(roster_.Rules("m"));
  Follow();
  roster_.Failed({"m", 1}, Reason::kBadModel, "broken");
  EXPECT_EQ(Done(), (std::vector<std::string>{"load m/1"}));
  Offered({}, ModelRules());
  EXPECT_FALSE(roster_.Rules("m"));
  EXPECT_EQ(Done(), (std::vector<std::string>{"unload m/1"}));
  EXPECT_TRUE(roster_.versions().empty());
}

}  // namespace
}  // namespace holdfast
