// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/rollout_query.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

Result<RolloutRule> Parsed(const std::string& query) {
  const std::string text = "/rollout?" + query;
  const Result<RequestTarget> target = ParseTarget(text);
  EXPECT_TRUE(target) << query;
  return ParseRolloutQuery(*target);
}

TEST(RolloutQuery, WithoutParametersTheRuleIsTheUsualOne) {
  EXPECT_EQ(*Parsed("version=3"), RolloutRule());
}

TEST(RolloutQuery, TakesEachParameter) {
  const RolloutRule rule{.kind = RolloutKind::kShadow,
                         .percent = 0.5,
                         .header = "x-group",
                         .header_value = "beta",
                         .window = std::chrono::seconds(60),
                         .requests_min = 7,
                         .errors_max = 0.02,
                         .invalid_max = 0,
                         .latency_max = 1.5,
                         .disagreement_max = 1,
                         .promote = true};
  EXPECT_EQ(*Parsed("kind=shadow&percent=0.5&header=X-Group%3Dbeta&window_s=60&requests_min=7&"
                    "errors_max=0.02&invalid_max=0&latency_max=1.5&disagreement_max=1&"
                    "promote=true"),
            rule);
  EXPECT_EQ(Parsed("header=X-Group")->header_value, "always");
}

TEST(RolloutQuery, RefusesWhatNoRuleCanBe) {
  for (const char* query :
       {"kind=blue", "percent=101", "percent=-1", "percent=nan", "percent=1e",
        "percent=", "header=", "header=a%20b", "header=a%3D", "header=a%3Dnever", "window_s=0",
        "window_s=86401", "requests_min=0", "requests_min=x", "errors_max=2", "invalid_max=-0.1",
        "latency_max=0.5", "disagreement_max=1.1", "promote=yes"}) {
    const auto rule = Parsed(query);
    ASSERT_FALSE(rule) << query;
    EXPECT_EQ(rule.error().reason, Reason::kBadRequest);
    const std::string key(query, std::string(query).find('='));
    EXPECT_EQ(rule.error().message.substr(0, key.size()), key);
  }
}

}  // namespace
}  // namespace holdfast
