// SPDX-License-Identifier: Apache-2.0
#include "ipc/rollout_order.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(RolloutOrder, ComesBackAsItWas) {
  const RolloutOrder order{.model = "m \"1\"",
                           .rollout = {.version = 7,
                                       .rule = {.kind = RolloutKind::kShadow,
                                                .percent = 12.5,
                                                .header = "x-group",
                                                .header_value = "beta",
                                                .window = std::chrono::seconds(30),
                                                .requests_min = 20,
                                                .errors_max = 0.02,
                                                .invalid_max = 0.03,
                                                .latency_max = 1.5,
                                                .disagreement_max = 0.4,
                                                .promote = true}}};
  const auto back = DecodeRolloutOrder(EncodeRolloutOrder(order));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, order);
}

TEST(RolloutOrder, ItsEndComesBackAsItWas) {
  for (const RolloutEndOrder& order :
       {RolloutEndOrder{.model = "m", .version = 3, .why = "errors: 7 of 9"},
        RolloutEndOrder{.model = "m", .version = std::nullopt, .why = ""}}) {
    const auto back = DecodeRolloutEndOrder(EncodeRolloutEndOrder(order));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, order);
  }
}

TEST(RolloutOrder, RefusesWhatItIsNot) {
  std::string negative = EncodeRolloutOrder({.model = "m", .rollout = {.version = 1, .rule = {}}});
  negative.replace(negative.find("\"percent\":10"), 12, "\"percent\":-1");
  std::string other_kind =
      EncodeRolloutOrder({.model = "m", .rollout = {.version = 1, .rule = {}}});
  other_kind.replace(other_kind.find("\"kind\":1"), 8, "\"kind\":3");
  for (const std::string& text : {std::string(), std::string("[]"), std::string("{}"),
                                  std::string(R"({"model":"m"})"), negative, other_kind}) {
    EXPECT_FALSE(DecodeRolloutOrder(text)) << text;
  }
  for (const char* text :
       {"", "[]", R"({"model":"m"})", R"({"model":"m","why":"","version":"1"})"}) {
    EXPECT_FALSE(DecodeRolloutEndOrder(text)) << text;
  }
}

}  // namespace
}  // namespace holdfast
