// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "ipc/offer_list.h"
#include "ipc/servable_list.h"

namespace holdfast {
namespace {

TEST(ServableList, ComesBackAsItWas) {
  const std::vector<ListedServable> list{
      {ServableId{3}, {.key = {"m", 2}, .state = ServableState::kAvailable, .message = ""}},
      {std::nullopt,
       {.key = {"n", 1},
        .state = ServableState::kEnd,
        .reason = Reason::kBadModel,
        .message = "a \"word\"\n"}}};
  const auto back = DecodeServableList(EncodeServableList(list));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, list);
  EXPECT_TRUE(DecodeServableList("[]")->empty());
}

TEST(ServableList, RefusesWhatItIsNot) {
  for (const char* text :
       {"", "{}", "[1]", "[{}]", R"([{"name":"m","version":-1,"state":1,"reason":0,"message":""}])",
        R"([{"name":"m","version":9223372036854775808,"state":1,"reason":0,"message":""}])",
        R"([{"servable":4294967296,"name":"m","version":1,"state":1,"reason":0,"message":""}])",
        R"([{"name":"m","version":1,"state":4,"reason":0,"message":""}])",
        R"([{"name":"m","version":1,"state":1,"reason":4294967296,"message":""}])"}) {
    EXPECT_FALSE(DecodeServableList(text)) << text;
  }
}

TEST(OfferList, ComesBackAsItWas) {
  const std::vector<Offer> offers{
      {.key = {"m", 2}, .folder = "/srv/a b/m/2", .fingerprint = ~std::uint64_t{0}, .bytes = 7}};
  const auto back = DecodeOffers(EncodeOffers(offers));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, offers);
}

TEST(OfferList, RefusesWhatItIsNot) {
  for (const char* text :
       {"", "{}", "[{}]", R"([{"name":"m","version":1,"folder":"f","fingerprint":1}])",
        R"([{"name":"m","version":9223372036854775808,"folder":"f","fingerprint":1,"bytes":1}])",
        R"([{"name":1,"version":1,"folder":"f","fingerprint":1,"bytes":1}])"}) {
    EXPECT_FALSE(DecodeOffers(text)) << text;
  }
}

}  // namespace
}  // namespace holdfast
