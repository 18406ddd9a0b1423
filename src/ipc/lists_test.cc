// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "ipc/add_order.h"
#include "ipc/model_folders_text.h"
#include "ipc/offer_list.h"
#include "ipc/servable_list.h"

namespace holdfast {
namespace {

TEST(ServableList, ComesBackAsItWas) {
  const ServableList list{
      .servables = {{ServableId{3},
                     {.key = {"m", 2}, .state = ServableState::kAvailable, .message = ""}},
                    {std::nullopt,
                     {.key = {"n", 1},
                      .state = ServableState::kEnd,
                      .reason = Reason::kBadModel,
                      .message = "a \"word\"\n"}}},
      .labels = {{"m", {{"stable", 1}, {"canary", 2}}}},
      .rollouts = {{"m", {.version = 3, .rule = {.kind = RolloutKind::kShadow, .percent = 0.5}}}},
      .folders = {{"m", "/opt/ml/models/m/model"}}};
  const auto back = DecodeServableList(EncodeServableList(list));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, list);
  EXPECT_EQ(*DecodeServableList(R"({"servables":[],"models":[],"rollouts":[],"added":[]})"),
            ServableList());
}

TEST(ServableList, RefusesWhatItIsNot) {
  for (const char* entry :
       {"1", "{}", R"({"name":"m","version":-1,"state":1,"reason":0,"message":""})",
        R"({"name":"m","version":9223372036854775808,"state":1,"reason":0,"message":""})",
        R"({"servable":4294967296,"name":"m","version":1,"state":1,"reason":0,"message":""})",
        R"({"name":"m","version":1,"state":4,"reason":0,"message":""})",
        R"({"name":"m","version":1,"state":1,"reason":4294967296,"message":""})"}) {
    EXPECT_FALSE(DecodeServableList(R"({"models":[],"rollouts":[],"added":[],"servables":[)" +
                                    std::string(entry) + "]}"))
        << entry;
  }
  for (const char* text :
       {"", "[]", "{}", R"({"servables":[],"models":[]})",
        R"({"servables":[],"rollouts":[],"models":[]})",
        R"({"servables":[],"added":[],"models":[]})",
        R"({"servables":[],"rollouts":[],"added":[],"models":[{"name":"m"}]})",
        R"({"servables":[],"rollouts":[],"added":[],"models":[{"name":"m","labels":{"a":"1"}}]})",
        R"({"servables":[],"models":[],"added":[],"rollouts":[{"name":"m"}]})",
        R"({"servables":[],"models":[],"rollouts":[],"added":[{"name":"m"}]})"}) {
    EXPECT_FALSE(DecodeServableList(text)) << text;
  }
}

TEST(OfferList, ComesBackAsItWas) {
  Offering offering{.offers = {{.key = {"m", 2},
                                .folder = "/srv/a b/m/2",
                                .fingerprint = ~std::uint64_t{0},
                                .bytes = 7}},
                    .rules = std::nullopt};
  const auto back = DecodeOffering(EncodeOffering(offering));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, offering);
  offering.rules =
      ModelRules{{"m", {.policy = *ParseVersionPolicy("specific:1,2"), .labels = {{"stable", 1}}}}};
  EXPECT_EQ(*DecodeOffering(EncodeOffering(offering)), offering);
}

TEST(OfferList, RefusesWhatItIsNot) {
  for (const char* entry :
       {"{}", R"({"name":"m","version":1,"folder":"f","fingerprint":1})",
        R"({"name":"m","version":9223372036854775808,"folder":"f","fingerprint":1,"bytes":1})",
        R"({"name":1,"version":1,"folder":"f","fingerprint":1,"bytes":1})"}) {
    EXPECT_FALSE(DecodeOffering(R"({"offers":[)" + std::string(entry) + "]}")) << entry;
  }
  for (const char* text : {"", "[]", "{}", R"({"offers":[],"rules":[]})",
                           R"({"offers":[],"rules":{"m":{"policy":"some","labels":{}}}})"}) {
    EXPECT_FALSE(DecodeOffering(text)) << text;
  }
}

TEST(ModelFolders, ComeBackAsTheyWere) {
  const ModelFolders folders{
      .repository = "/srv/models",
      .models = {{.name = "m",
                  .base_path = "/srv/m",
                  .rule = {.policy = *ParseVersionPolicy("all"), .labels = {{"stable", 3}}},
                  .unpacked = true}}};
  const auto back = DecodeModelFolders(EncodeModelFolders(folders));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, folders);
  for (const char* text : {"", "[]", "{}", R"({"repository":"","models":[{}]})"}) {
    EXPECT_FALSE(DecodeModelFolders(text)) << text;
  }
}

TEST(AddOrder, ComesBackAsItWas) {
  const AddOrder order{.model = "a1b2", .folder = "/opt/ml/models/a1b2/model"};
  const auto back = DecodeAddOrder(EncodeAddOrder(order));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, order);
  for (const char* text : {"", "[]", "{}", R"({"model":"m"})", R"({"model":"","folder":"f"})",
                           R"({"model":"m","folder":1})"}) {
    EXPECT_FALSE(DecodeAddOrder(text)) << text;
  }
}

}  // namespace
}  // namespace holdfast
