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
    const auto id = table_.Resolve(model, version);
    return id ? FormatKey(table_.Get(*id).key) : std::string(Describe(id.error().reason).word);
  }

  ServableTable table_{"cats", 3};
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
  table_.Add({0}, Model("cats", 1));
  EXPECT_EQ(Resolved("dogs"), not_ready);
  table_.Add({1}, Model("cats", 2));
  table_.SetFailed({2});
  EXPECT_EQ(Resolved("dogs"), not_found);
  EXPECT_EQ(Resolved("cats", 3), not_found);
}

TEST_F(ServableTableTest, IsCompleteOnceAllAreThereOrBrokenAndOneIsThere) {
  EXPECT_FALSE(table_.complete());
  table_.SetFailed({0});
  table_.SetFailed({1});
  table_.SetFailed({2});
  EXPECT_FALSE(table_.complete()) << "nothing can be served";
  table_.Add({2}, Model("cats", 1));
  EXPECT_TRUE(table_.complete());
  EXPECT_FALSE(table_.failed({2})) << "it is back";
  table_.SetFailed({2});
  EXPECT_TRUE(table_.complete()) << "counted once";
}

TEST_F(ServableTableTest, TellsTheStateOfAModelsVersions) {
  table_.Add({0}, Model("cats", 1));
  table_.Add({1}, Model("cats", 2));
  table_.Add({2}, Model("dogs", 1));
  table_.SetFailed({0});
  const auto all = table_.StatusOf("cats", std::nullopt);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].key.version, 2);
  EXPECT_EQ(all[0].state, ServableState::kAvailable);
  EXPECT_EQ(all[0].reason, Reason::kOk);
  EXPECT_EQ(all[1].key.version, 1);
  EXPECT_EQ(all[1].state, ServableState::kEnd);
  EXPECT_EQ(all[1].reason, Reason::kNoWorker);
  EXPECT_EQ(table_.StatusOf("cats", 2).size(), 1u);
  EXPECT_TRUE(table_.StatusOf("cats", 3).empty());
  EXPECT_TRUE(table_.StatusOf("mice", std::nullopt).empty());
  EXPECT_EQ(table_.ids().size(), 3u);
}

}  // namespace
}  // namespace holdfast
