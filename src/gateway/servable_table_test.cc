// SPDX-License-Identifier: Apache-2.0
#include "gateway/servable_table.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

ServableDescription Model(const char* name, std::int64_t version) {
  ServableDescription description;
  description.key = {name, version};
  return description;
}

class ServableTableTest : public testing::Test {
 protected:
  // The key that a request's words lead to, or the reason why none.
  std::string Resolved(const std::optional<std::string>& model,
                       std::optional<std::int64_t> version = std::nullopt) {
    const auto id = table_.Resolve({.model = model, .version = version, .label = {}});
    return id ? FormatKey(table_.Get(*id).key) : std::string(Describe(id.error().reason).word);
  }

  struct Listed {
    std::optional<std::uint32_t> id;
    const char* name;
    std::int64_t version;
    ServableState state;
  };
  void List(const std::vector<Listed>& all) {
    ServableList list{.servables = {}, .labels = labels_, .rollouts = rollouts_};
    for (const Listed& one : all) {
      ListedServable listed{.status = {.key = {one.name, one.version}, .state = one.state}};
      if (one.id.has_value()) listed.servable = ServableId{*one.id};
      if (one.state == ServableState::kEnd) {
        listed.status.reason = Reason::kBadModel;
        listed.status.message = "broken";
      }
      list.servables.push_back(std::move(listed));
    }
    table_.Update(list);
  }

  static constexpr auto kLoading = ServableState::kLoading;
  static constexpr auto kAvailable = ServableState::kAvailable;
  static constexpr auto kUnloading = ServableState::kUnloading;
  static constexpr auto kEnd = ServableState::kEnd;
  std::map<std::string, VersionLabels> labels_;
  std::map<std::string, Rollout> rollouts_;
  ServableTable table_{"cats"};
};

TEST_F(ServableTableTest, WithoutAModelItIsTheDefaultOne) {
  table_.Add({0}, Model("dogs", 1));
  table_.Add({1}, Model("cats", 1));
  EXPECT_EQ(Resolved(std::nullopt), "cats/1");
  EXPECT_EQ(Resolved("dogs"), "dogs/1");
}

TEST_F(ServableTableTest, WithoutAVersionItIsTheHighest) {
  table_.Add({0}, Model("cats", 10));
  table_.Add({1}, Model("cats", 9));
  table_.Add({2}, Model("cats", 2));
  EXPECT_EQ(Resolved("cats"), "cats/10");
  EXPECT_EQ(Resolved("cats", 2), "cats/2");
}

TEST_F(ServableTableTest, WhatMayStillBeLoadingIsNotReadyYet) {
  const std::string not_ready(Describe(Reason::kNotReady).word);
  const std::string not_found(Describe(Reason::kNotFound).word);
  EXPECT_EQ(Resolved("cats"), not_ready);
  List({{0, "cats", 1, kAvailable}, {1, "dogs", 2, kLoading}});
  table_.Add({0}, Model("cats", 1));
  EXPECT_EQ(Resolved("cats"), "cats/1");
  EXPECT_EQ(Resolved("dogs"), not_ready);
  EXPECT_EQ(Resolved("cows"), not_ready) << "who knows what still comes";
  List({{0, "cats", 1, kAvailable}, {1, "dogs", 2, kEnd}});
  EXPECT_EQ(Resolved("dogs"), not_found);
  EXPECT_EQ(Resolved("cows"), not_found);
  EXPECT_EQ(Resolved("cats", 3), not_found);
}

TEST_F(ServableTableTest, IsCompleteOnceEachModelIsThereOrBrokenAndOneIsThere) {
  EXPECT_FALSE(table_.complete());
  List({{0, "cats", 1, kEnd}, {1, "dogs", 1, kEnd}});
  EXPECT_FALSE(table_.complete()) << "nothing can be served";
  List({{0, "cats", 1, kEnd}, {1, "dogs", 1, kLoading}});
  EXPECT_FALSE(table_.complete());
  table_.Add({1}, Model("dogs", 1));
  List({{0, "cats", 1, kEnd}, {1, "dogs", 1, kAvailable}});
  EXPECT_TRUE(table_.complete());
  List({{0, "cats", 1, kEnd}, {1, "dogs", 1, kAvailable}, {2, "dogs", 2, kLoading}});
  EXPECT_TRUE(table_.complete()) << "a new version beside the old one changes nothing";
}

TEST_F(ServableTableTest, ANewVersionIsNotAskedBeforeItIsAvailable) {
  table_.Add({0}, Model("cats", 1));
  table_.Add({1}, Model("cats", 2));
  List({{0, "cats", 1, kAvailable}, {1, "cats", 2, kLoading}});
  EXPECT_EQ(Resolved("cats"), "cats/1");
  EXPECT_EQ(Resolved("cats", 2), Describe(Reason::kNotReady).word);
  List({{0, "cats", 1, kUnloading}, {1, "cats", 2, kAvailable}});
  EXPECT_EQ(Resolved("cats"), "cats/2");
  EXPECT_EQ(Resolved("cats", 1), Describe(Reason::kNotFound).word);
  EXPECT_EQ(table_.retiring(), std::vector<ServableId>{{0}});
  List({{1, "cats", 2, kAvailable}});
  EXPECT_EQ(table_.dropped(), std::vector<ServableId>{{0}});
  table_.Forget({0});
  EXPECT_TRUE(table_.dropped().empty());
}

TEST_F(ServableTableTest, OneWhoseWorkersLiveIsPreferredToAHigherOneWhoseKeepDying) {
  table_.Add({0}, Model("cats", 1));
  table_.Add({1}, Model("cats", 2));
  List({{0, "cats", 1, kAvailable}, {1, "cats", 2, kEnd}});
  table_.SetFailed({1});
  EXPECT_EQ(Resolved("cats"), "cats/1");
  EXPECT_EQ(Resolved("cats", 2), "cats/2") << "its requests are told that it has no worker";
}

TEST_F(ServableTableTest, AVersionOnTrialIsForThoseWhoNameIt) {
  table_.Add({0}, Model("cats", 1));
  table_.Add({1}, Model("cats", 2));
  rollouts_["cats"] = {.version = 2, .rule = {.percent = 5}};
  List({{0, "cats", 1, kAvailable}, {1, "cats", 2, kLoading}});
  EXPECT_FALSE(table_.TrialBeside({0}).has_value()) << "it cannot answer yet";
  List({{0, "cats", 1, kAvailable}, {1, "cats", 2, kAvailable}});
  EXPECT_EQ(Resolved("cats"), "cats/1");
  EXPECT_EQ(Resolved("cats", 2), "cats/2");
  EXPECT_EQ(table_.TrialBeside({0})->servable, ServableId{1});
  EXPECT_EQ(table_.TrialBeside({0})->rule.percent, 5);
  EXPECT_FALSE(table_.TrialBeside({1}).has_value()) << "it is on trial itself";
  table_.SetFailed({1});
  EXPECT_FALSE(table_.TrialBeside({0}).has_value());
}

TEST_F(ServableTableTest, IsHeldWhileSomebodyHoldsIt) {
  table_.Add({0}, Model("cats", 1));
  {
    const ServableTable::Hold one(table_, {0});
    const ServableTable::Hold two(table_, {0});
    EXPECT_TRUE(table_.held({0}));
  }
  EXPECT_FALSE(table_.held({0}));
}

TEST_F(ServableTableTest, AVersionThatWasRefusedSaysWhy) {
  table_.Add({0}, Model("cats", 1));
  List({{0, "cats", 1, kAvailable}, {std::nullopt, "cats", 2, kEnd}});
  const auto all = table_.StatusOf({.model = "cats", .version = {}, .label = {}}).value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].key.version, 2);
  EXPECT_EQ(all[0].reason, Reason::kBadModel);
  EXPECT_EQ(all[0].message, "broken");
  EXPECT_EQ(all[1].state, ServableState::kAvailable);
}

TEST_F(ServableTableTest, TellsTheStateOfAModelsVersions) {
  table_.Add({0}, Model("cats", 1));
  table_.Add({1}, Model("cats", 2));
  table_.Add({2}, Model("dogs", 1));
  table_.SetFailed({0});
  const auto all = table_.StatusOf({.model = "cats", .version = {}, .label = {}}).value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].key.version, 2);
  EXPECT_EQ(all[0].state, ServableState::kAvailable);
  EXPECT_EQ(all[0].reason, Reason::kOk);
  EXPECT_EQ(all[1].key.version, 1);
  EXPECT_EQ(all[1].state, ServableState::kEnd);
  EXPECT_EQ(all[1].reason, Reason::kNoWorker);
  EXPECT_EQ(table_.StatusOf({.model = "cats", .version = 2, .label = {}})->size(), 1u);
  EXPECT_FALSE(table_.StatusOf({.model = "cats", .version = 3, .label = {}}));
  EXPECT_FALSE(table_.StatusOf({.model = "mice", .version = {}, .label = {}}));
  EXPECT_EQ(table_.ids().size(), 3u);
}

TEST(ServableTableOnDemand, IsCompleteWithoutAModelAndListsWhatWasAdded) {
  ServableTable table("", true);
  EXPECT_TRUE(table.complete());
  const auto nothing = table.Resolve({.model = {}, .version = {}, .label = {}});
  EXPECT_EQ(nothing.error().reason, Reason::kNotFound);
  table.Add({0}, Model("a1", 1));
  table.Add({1}, Model("b2", 1));
  ServableList list;
  for (const auto& [id, name, state] : {std::tuple(0u, "a1", ServableState::kAvailable),
                                        std::tuple(1u, "b2", ServableState::kUnloading)}) {
    list.servables.push_back({ServableId{id}, {.key = {name, 1}, .state = state, .message = ""}});
    list.folders[name] = std::string("/opt/ml/models/") + name;
  }
  table.Update(list);
  EXPECT_EQ(table.added(), (std::map<std::string, std::string>{{"a1", "/opt/ml/models/a1"}}));
}

}  // namespace
}  // namespace holdfast
