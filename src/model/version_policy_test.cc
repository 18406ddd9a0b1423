// SPDX-License-Identifier: Apache-2.0
#include "model/version_policy.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

std::vector<Offer> Offers(const std::string& name, const std::vector<std::int64_t>& versions) {
  std::vector<Offer> offers;
  for (const std::int64_t version : versions) offers.push_back({.key = {name, version}});
  return offers;
}

std::vector<std::int64_t> Chosen(const char* policy, const std::vector<std::int64_t>& versions) {
  std::vector<std::int64_t> chosen;
  for (const Offer& offer : ChooseVersions(*ParseVersionPolicy(policy), Offers("m", versions))) {
    chosen.push_back(offer.key.version);
  }
  return chosen;
}

using Versions = std::vector<std::int64_t>;

TEST(VersionPolicy, ChoosesAsItSays) {
  EXPECT_EQ(Chosen("latest", {3, 1, 2}), (Versions{3}));
  EXPECT_EQ(Chosen("latest:2", {3, 1, 2}), (Versions{2, 3}));
  EXPECT_EQ(Chosen("latest:9", {3, 1}), (Versions{1, 3}));
  EXPECT_EQ(Chosen("all", {3, 1}), (Versions{1, 3}));
  EXPECT_EQ(Chosen("specific:1,7", {3, 1}), (Versions{1}));
  EXPECT_EQ(Chosen("all", {}), Versions{});
}

TEST(VersionPolicy, WhatItPrintsItReads) {
  for (const char* text : {"latest:1", "latest:3", "all", "specific:1,4"}) {
    EXPECT_EQ(FormatVersionPolicy(*ParseVersionPolicy(text)), text);
  }
}

TEST(VersionPolicy, RefusesWhatItIsNot) {
  for (const char* text : {"", "latest:0", "latest:x", "latest:", "latest:101", "all:1", "specific",
                           "specific:", "specific:1,", "specific:-1", "newest"}) {
    const auto policy = ParseVersionPolicy(text);
    ASSERT_FALSE(policy.has_value()) << text;
    EXPECT_EQ(policy.error().reason, Reason::kUsage);
    EXPECT_NE(policy.error().message.find("latest:1"), std::string::npos);
  }
}

}  // namespace
}  // namespace holdfast
