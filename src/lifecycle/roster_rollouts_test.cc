// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lifecycle/roster.h"

namespace holdfast {
namespace {

using Words = std::vector<std::string>;

// A server with m/1 current and, once Try() was called, m/2 on trial.
class RolloutTest : public testing::Test {
 protected:
  explicit RolloutTest(std::optional<RolloutRule> trial = std::nullopt) : roster_({}, trial) {
    Offered({1});
    Follow();
    Serve(1);
    Done();
  }

  void Offered(const std::vector<std::int64_t>& versions, std::uint64_t fingerprint = 1) {
    Offering offering;
    for (const std::int64_t version : versions) {
      offering.offers.push_back(
          {.key = {"m", version}, .folder = "f", .fingerprint = fingerprint, .bytes = 1});
    }
    roster_.Offered(std::move(offering));
  }
  Status Ask(std::int64_t version, RolloutKind kind = RolloutKind::kCanary) {
    return roster_.RolloutAsked("m", {.version = version, .rule = {.kind = kind}});
  }
  // m/2 is on trial, and answers.
  void Try(RolloutKind kind = RolloutKind::kCanary) {
    // Both come before anybody decides: else the policy would have it take over.
    Offered({1, 2});
    ASSERT_TRUE(Ask(2, kind));
    Follow();
    Serve(2);
    EXPECT_EQ(Done(), (Words{"load 2", "activate 2", "try 2"}));
  }

  void Serve(std::int64_t version) {
    roster_.Loaded(ids_.at(version));
    Follow();
    roster_.Ready(ids_.at(version));
  }
  void Follow() {
    for (auto actions = roster_.Decide(); !actions.empty(); actions = roster_.Decide()) {
      for (const RosterAction& action : actions) Carry(action);
    }
  }
  Words Done() {
    Follow();
    return std::exchange(done_, {});
  }

  void Carry(const RosterAction& action) {
    if (const auto* load = std::get_if<LoadVersion>(&action)) {
      const std::int64_t version = load->offer.key.version;
      ids_[version] = ServableId{next_id_};
      versions_[ServableId{next_id_++}] = version;
      roster_.Started(load->offer.key, ids_[version]);
      done_.push_back("load " + std::to_string(version));
    }
    if (const auto* it = std::get_if<ActivateVersion>(&action)) Note("activate", it->servable);
    if (const auto* it = std::get_if<RetireVersion>(&action)) Note("retire", it->servable);
    if (const auto* it = std::get_if<UnloadVersion>(&action)) Note("unload", it->servable);
    if (const auto* it = std::get_if<RolloutStarted>(&action)) {
      done_.push_back("try " + std::to_string(it->key.version));
    }
    if (const auto* it = std::get_if<RolloutEnded>(&action)) {
      done_.push_back(std::string(RolloutEndWord(it->end)) + ' ' + std::to_string(it->key.version));
    }
  }
  void Note(const std::string& what, ServableId id) {
    done_.push_back(what + ' ' + std::to_string(versions_.at(id)));
  }

  Roster roster_;
  std::map<std::int64_t, ServableId> ids_;
  std::map<ServableId, std::int64_t> versions_;
  Words done_;
  std::uint32_t next_id_ = 0;
};

TEST_F(RolloutTest, AVersionOnTrialServesBesideTheCurrentOne) {
  Try();
  EXPECT_TRUE(*roster_.RolloutOutcome({"m", 2}));
  EXPECT_EQ(roster_.rollouts().at("m").version, 2);
}

TEST_F(RolloutTest, ItsOrderIsDoneOnceItAnswers) {
  Offered({1, 2});
  ASSERT_TRUE(Ask(2));
  EXPECT_FALSE(roster_.RolloutOutcome({"m", 2}).has_value());
  Follow();
  roster_.Failed({"m", 2}, Reason::kBadModel, "its hash is wrong");
  EXPECT_EQ(roster_.RolloutOutcome({"m", 2})->error().message, "its hash is wrong");
  EXPECT_EQ(Done(), (Words{"load 2", "failed 2", "unload 2"}));
}

TEST_F(RolloutTest, PromotedItIsCurrentAndTheOldOneGoes) {
  Try();
  ASSERT_TRUE(roster_.PromoteAsked("m", 2));
  EXPECT_EQ(Done(), (Words{"promoted 2", "retire 1"}));
  EXPECT_EQ(roster_.PromoteAsked("m", std::nullopt).error().reason, Reason::kNotFound);
}

TEST_F(RolloutTest, RolledBackItIsHeldBackUntilItsFilesChange) {
  Try();
  ASSERT_TRUE(roster_.RollBackAsked("m", 2, "it was worse"));
  EXPECT_EQ(Done(), (Words{"rolled-back 2", "retire 2"}));
  EXPECT_EQ(roster_.refusals().at({"m", 2}).why, "rolled back: it was worse");
  roster_.Drained(ids_.at(2));
  EXPECT_EQ(Done(), (Words{"unload 2"}));
  Offered({1, 2});
  roster_.LoadAsked(std::nullopt);
  EXPECT_EQ(Done(), Words{}) << "nobody asked for it";
  EXPECT_TRUE(*roster_.LoadOutcome("m"));
  EXPECT_EQ(roster_.LabelAsked("m", "stable", 2).error().reason, Reason::kBadRequest);
  Offered({1, 2}, 7);
  EXPECT_EQ(Done(), (Words{"load 2"}));
}

TEST_F(RolloutTest, RolledBackItIsServedWhenSomebodyAsksForItsModel) {
  Try();
  ASSERT_TRUE(roster_.RollBackAsked("m", std::nullopt, "it was worse"));
  Done();
  roster_.Drained(ids_.at(2));
  Done();
  roster_.LoadAsked("m");
  EXPECT_EQ(Done(), (Words{"load 2"}));
  Serve(2);
  EXPECT_EQ(Done(), (Words{"activate 2", "retire 1"}));
}

TEST_F(RolloutTest, AWordOnAnotherVersionIsNotForThisOne) {
  Try();
  EXPECT_EQ(roster_.RollBackAsked("m", 1, "late").error().reason, Reason::kNotFound);
  EXPECT_EQ(roster_.PromoteAsked("m", 3).error().reason, Reason::kNotFound);
  EXPECT_EQ(Done(), Words{});
}

TEST_F(RolloutTest, OneThatFailsIsEndedAndTheCurrentOneServes) {
  Try();
  roster_.Failed({"m", 2}, Reason::kNoWorker, "its workers keep dying");
  EXPECT_EQ(Done(), (Words{"failed 2", "retire 2"}));
}

TEST_F(RolloutTest, WhereTheCurrentOneFailsTheOtherIsBetterThanNone) {
  Try();
  roster_.Failed({"m", 1}, Reason::kNoWorker, "its workers keep dying");
  EXPECT_EQ(Done(), (Words{"alone 2", "retire 1"}));
}

TEST_F(RolloutTest, WhereItsFilesVanishItGoesAtOnce) {
  Try();
  Offered({1});
  EXPECT_EQ(Done(), (Words{"gone 2", "retire 2"}));
}

TEST_F(RolloutTest, TheCurrentOneStaysWithoutItsFilesAsLongAsTheTrialLasts) {
  Try();
  Offered({2});
  EXPECT_EQ(Done(), Words{});
  ASSERT_TRUE(roster_.PromoteAsked("m", 2));
  EXPECT_EQ(Done(), (Words{"promoted 2", "retire 1"}));
}

TEST_F(RolloutTest, AShadowMayBeOlderAndIsNotPromotedThen) {
  Offered({1, 2});
  Follow();
  Serve(2);
  Done();
  roster_.Drained(ids_.at(1));
  Done();
  EXPECT_EQ(Ask(1).error().reason, Reason::kBadRequest);
  ASSERT_TRUE(Ask(1, RolloutKind::kShadow));
  Follow();
  Serve(1);
  EXPECT_EQ(Done(), (Words{"load 1", "activate 1", "try 1"}));
  EXPECT_EQ(roster_.PromoteAsked("m", std::nullopt).error().reason, Reason::kBadRequest);
}

TEST_F(RolloutTest, WhatCannotBeTriedIsRefused) {
  EXPECT_EQ(Ask(7).error().reason, Reason::kNotFound);
  EXPECT_EQ(Ask(1).error().reason, Reason::kBadRequest);
  EXPECT_EQ(roster_.RolloutAsked("n", {.version = 1, .rule = {}}).error().reason,
            Reason::kNotFound);
}

TEST_F(RolloutTest, AnotherTrialTakesTheOldOnesPlaceAndHoldsItBack) {
  Try();
  Offered({1, 2, 3});
  ASSERT_TRUE(Ask(3));
  EXPECT_EQ(Done(), (Words{"replaced 2", "load 3", "retire 2"}));
  Serve(3);
  EXPECT_EQ(Done(), (Words{"activate 3", "try 3"}));
}

TEST_F(RolloutTest, ANewRuleForTheSameVersionLoadsNothing) {
  Try();
  ASSERT_TRUE(roster_.RolloutAsked("m", {.version = 2, .rule = {.percent = 50}}));
  EXPECT_EQ(Done(), (Words{"try 2"}));
  EXPECT_EQ(roster_.rollouts().at("m").rule.percent, 50);
}

TEST_F(RolloutTest, WhereThePolicyServesANewerOneTheTrialIsOver) {
  Try();
  Offered({1, 2, 3});
  EXPECT_EQ(Done(), (Words{"load 3"}));
  Serve(3);
  EXPECT_EQ(Done(), (Words{"activate 3", "overtaken 2", "retire 1", "retire 2"}));
}

TEST_F(RolloutTest, AnUnloadedModelTakesItsTrialWithIt) {
  Try();
  EXPECT_TRUE(roster_.UnloadAsked("m"));
  EXPECT_EQ(Done(), (Words{"gone 2", "retire 1", "retire 2"}));
}

// --- New versions are tried by themselves ---

class TrialTest : public RolloutTest {
 protected:
  TrialTest() : RolloutTest(RolloutRule{.percent = 5, .promote = true}) {}
};

TEST_F(TrialTest, ANewVersionIsTriedBeforeItTakesOver) {
  Offered({1, 2});
  EXPECT_EQ(Done(), (Words{"load 2"}));
  Serve(2);
  EXPECT_EQ(Done(), (Words{"activate 2", "try 2"}));
  EXPECT_EQ(roster_.rollouts().at("m").rule.percent, 5);
  ASSERT_TRUE(roster_.PromoteAsked("m", 2));
  EXPECT_EQ(Done(), (Words{"promoted 2", "retire 1"}));
}

TEST_F(TrialTest, ANewVersionInThePlaceOfTheOldOneIsTriedToo) {
  Offered({2});
  EXPECT_EQ(Done(), (Words{"load 2"}));
  Serve(2);
  EXPECT_EQ(Done(), (Words{"activate 2", "try 2"}));
  ASSERT_TRUE(roster_.RollBackAsked("m", 2, "it was worse"));
  EXPECT_EQ(Done(), (Words{"rolled-back 2", "retire 2"})) << "the old one serves on";
}

TEST_F(TrialTest, TheNewestOfSeveralIsTriedAndAfterItsRollbackTheNext) {
  Offered({1, 2, 3});
  EXPECT_EQ(Done(), (Words{"load 3"}));
  Serve(3);
  Done();
  ASSERT_TRUE(roster_.RollBackAsked("m", 3, "it was worse"));
  EXPECT_EQ(Done(), (Words{"rolled-back 3", "load 2", "retire 3"}));
  Serve(2);
  EXPECT_EQ(Done(), (Words{"activate 2", "try 2"}));
}

TEST_F(TrialTest, AStillNewerOneIsTriedInstead) {
  Offered({1, 2});
  Done();
  Offered({1, 2, 3});
  EXPECT_EQ(Done(), (Words{"replaced 2", "unload 2", "load 3"}));
}

TEST_F(TrialTest, WhereNothingServesNothingIsTried) {
  roster_.Failed({"m", 1}, Reason::kNoWorker, "its workers keep dying");
  Done();
  Offered({1, 2});
  EXPECT_EQ(Done(), (Words{"load 2"}));
  roster_.Loaded(ids_.at(2));
  EXPECT_EQ(Done(), (Words{"activate 2", "retire 1"}));
  EXPECT_TRUE(roster_.rollouts().empty());
}

}  // namespace
}  // namespace holdfast
