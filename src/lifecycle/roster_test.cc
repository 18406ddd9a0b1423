// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/roster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

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
    roster_.Offered({OfferOf("m", 1)});
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
  roster_.Offered({OfferOf("m", 1)});
  EXPECT_EQ(Done(), (Words{"load m/1"}));
  roster_.Loaded(ids_.at({"m", 1}));
  EXPECT_EQ(Done(), (Words{"activate m/1"}));
}

TEST_F(RosterTest, ANewVersionTakesOverWhenItsWorkersAreReadyAndOnlyThenTheOldOneGoes) {
  ServeFirst();
  roster_.Offered({OfferOf("m", 1), OfferOf("m", 2)});
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
  roster_.Offered({OfferOf("m", 1), OfferOf("m", 2)});
  Done();
  roster_.Failed({"m", 2}, Reason::kBadModel, "its hash is wrong");
  EXPECT_EQ(Done(), (Words{"unload m/2"}));
  EXPECT_EQ(roster_.refusals().at({"m", 2}).why, "its hash is wrong");
  roster_.Offered({OfferOf("m", 1), OfferOf("m", 2)});
  EXPECT_EQ(Done(), Words{}) << "it is tried again although nothing has changed";
  roster_.Offered({OfferOf("m", 1), OfferOf("m", 2, 7)});
  EXPECT_EQ(Done(), (Words{"load m/2"})) << "its files have changed";
}

TEST_F(RosterTest, WhoeverAsksGetsARefusedVersionTriedAgain) {
  ServeFirst();
  roster_.Offered({OfferOf("m", 1), OfferOf("m", 2)});
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
  roster_.Offered({OfferOf("m", 1), OfferOf("m", 2)});
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
  roster_.Offered({OfferOf("m", 1), OfferOf("m", 2)});
  EXPECT_EQ(Done(), (Words{"load m/2"}));
  roster_.Failed({"m", 2}, Reason::kBadModel, "truncated");
  EXPECT_EQ(Done(), (Words{"load m/1", "unload m/2"}));
}

TEST_F(RosterTest, TheLastOfAllIsNotUnloadedForFailing) {
  roster_.Offered({OfferOf("m", 1)});
  Done();
  roster_.Failed({"m", 1}, Reason::kBadModel, "truncated");
  EXPECT_EQ(Done(), Words{});
}

TEST_F(RosterTest, AnEmptiedFolderIsNoOrder) {
  ServeFirst();
  roster_.Offered({});
  EXPECT_EQ(Done(), Words{});
}

TEST_F(RosterTest, ARemovedVersionGivesWayToTheOneThatIsLeft) {
  roster_.Offered({OfferOf("m", 1), OfferOf("m", 2)});
  Done();
  Serve({"m", 2});
  Done();
  roster_.Offered({OfferOf("m", 1)});
  EXPECT_EQ(Done(), (Words{"load m/1"}));
  Serve({"m", 1});
  EXPECT_EQ(Done(), (Words{"activate m/1", "retire m/2"}));
}

TEST_F(RosterTest, AVersionThatIsOvertakenWhileItLoadsIsEnded) {
  ServeFirst();
  roster_.Offered({OfferOf("m", 1), OfferOf("m", 2)});
  Done();
  roster_.Offered({OfferOf("m", 1), OfferOf("m", 2), OfferOf("m", 3)});
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
  roster_.Offered({OfferOf("a", 1), OfferOf("b", 1), OfferOf("m", 1)});
  EXPECT_EQ(Done(), (Words{"load a/1"}));
  roster_.Loaded(ids_.at({"a", 1}));
  EXPECT_EQ(Done(), (Words{"activate a/1", "load b/1"}));
}

TEST_F(RosterTest, AtTheStartAllModelsLoadTogether) {
  roster_.Offered({OfferOf("a", 1), OfferOf("b", 1)});
  EXPECT_EQ(Done(), (Words{"load a/1", "load b/1"}));
}

TEST_F(RosterTest, AVersionThatDoesNotFitIsRefusedBeforeItStarts) {
  ServeFirst();
  roster_.Offered({OfferOf("m", 1), OfferOf("m", 2)});
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
  roster_.Offered({OfferOf("m", 1), OfferOf("m", 2)});
  EXPECT_EQ(Done(), (Words{"load m/1", "load m/2"}));
  Serve({"m", 1});
  Serve({"m", 2});
  EXPECT_EQ(Done(), (Words{"activate m/1", "activate m/2"}));
  roster_.Offered({OfferOf("m", 1), OfferOf("m", 2), OfferOf("m", 3)});
  EXPECT_EQ(Done(), (Words{"load m/3"}));
  Serve({"m", 3});
  EXPECT_EQ(Done(), (Words{"activate m/3", "retire m/1"}));
}

}  // namespace
}  // namespace holdfast
