// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "gateway/access/api_keys.h"
#include "gateway/access/key_keeper.h"
#include "gateway/access/token_bucket.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// printf %s secret | sha256sum
constexpr std::string_view kSecretHash =
    "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

std::string LineOf(std::string_view name, std::string_view key, std::string_view rest = "") {
  std::string line = fmt::format("{} ", name);
  for (const std::uint8_t byte : HashKey(key)) line += fmt::format("{:02x}", byte);
  return fmt::format("{} {}\n", line, rest);
}

std::vector<ApiKey> KeysOf(const std::string& text) {
  auto keys = ParseApiKeys(text);
  EXPECT_TRUE(keys) << keys.error().message;
  return keys ? *std::move(keys) : std::vector<ApiKey>{};
}

TEST(TokenBucket, GivesABurstAndThenItsRate) {
  TimePoint now{};
  TokenBucket bucket({.per_second = 4, .burst = 2}, now);
  EXPECT_EQ(bucket.Take(now), Duration::zero());
  EXPECT_EQ(bucket.Take(now), Duration::zero());
  EXPECT_EQ(bucket.Take(now), milliseconds(250));
  now += milliseconds(100);
  EXPECT_EQ(bucket.Take(now), milliseconds(150));
  now += milliseconds(150);
  EXPECT_EQ(bucket.Take(now), Duration::zero());
  EXPECT_EQ(bucket.Take(now), milliseconds(250));
  now += seconds(3600);  // However long the pause, no more than the burst.
  for (int i = 0; i < 2; ++i) EXPECT_EQ(bucket.Take(now), Duration::zero());
  EXPECT_NE(bucket.Take(now), Duration::zero());
}

TEST(TokenBucket, KeepsToItsRateOverALongTime) {
  TimePoint now{};
  TokenBucket bucket({.per_second = 7, .burst = 3}, now);
  int taken = 0;
  for (int i = 0; i < 100'000; ++i, now += milliseconds(1)) {
    if (bucket.Take(now) == Duration::zero()) ++taken;
  }
  EXPECT_NEAR(taken, 100 * 7 + 3, 2);
}

TEST(ApiKeys, AreReadFromLinesWithAndWithoutAQuota) {
  const auto keys =
      KeysOf(fmt::format("# clients\n\n  mobile\t{}  \r\nbatch {} 5 # slow\nold {} 5 20",
                         kSecretHash, kSecretHash, kSecretHash));
  ASSERT_EQ(keys.size(), 3u);
  EXPECT_EQ(keys[0].name, "mobile");
  EXPECT_EQ(keys[0].hash, HashKey("secret"));
  EXPECT_FALSE(keys[0].quota);
  EXPECT_EQ(keys[1].quota, (Quota{.per_second = 5, .burst = 5}));
  EXPECT_EQ(keys[2].quota, (Quota{.per_second = 5, .burst = 20}));
}

TEST(ApiKeys, AreRefusedWithTheLineAndNeverWithItsWords) {
  const std::string good = LineOf("a", "k");
  for (const std::string& line :
       {std::string("name"), std::string("name plainkey"), fmt::format("n/me {}", kSecretHash),
        fmt::format("{} {}", std::string(65, 'n'), kSecretHash), fmt::format("n {} 0", kSecretHash),
        fmt::format("n {} -1", kSecretHash), fmt::format("n {} 1 2 3", kSecretHash),
        fmt::format("n {} 1.5", kSecretHash), fmt::format("n {}0", kSecretHash),
        fmt::format("n {}g", kSecretHash.substr(1))}) {
    const auto keys = ParseApiKeys(good + line + "\n");
    ASSERT_FALSE(keys) << line;
    EXPECT_EQ(keys.error().reason, Reason::kBadModel);
    EXPECT_TRUE(keys.error().message.starts_with("--api-keys: line 2: ")) << keys.error().message;
    EXPECT_EQ(keys.error().message.find("plainkey"), std::string::npos);
  }
  EXPECT_FALSE(ParseApiKeys(""));
  EXPECT_FALSE(ParseApiKeys("# nobody\n"));
  EXPECT_FALSE(ParseApiKeys(LineOf("a", "1", "5") + LineOf("a", "2", "6")));
}

TEST(ApiKeys, AreFoundByTheKeyAndByNothingElse) {
  const auto keys = KeysOf(LineOf("a", "one") + LineOf("b", "two"));
  ASSERT_NE(FindKey(keys, "one"), nullptr);
  EXPECT_EQ(FindKey(keys, "one")->name, "a");
  EXPECT_EQ(FindKey(keys, "two")->name, "b");
  for (const std::string& key : {std::string(), std::string("One"), std::string("one\0", 4)}) {
    EXPECT_EQ(FindKey(keys, key), nullptr) << key;
  }
}

TEST(KeyKeeper, LetsEverybodyInWithoutKeys) {
  KeyKeeper keeper;
  EXPECT_FALSE(keeper.on());
  EXPECT_EQ(keeper.Judge("", {}).reason, Reason::kOk);
}

TEST(KeyKeeper, TellsWhoIsMissingAKeyAndWhoHasUsedItUp) {
  const TimePoint now{};
  KeyKeeper keeper;
  keeper.Use(KeysOf(LineOf("free", "one") + LineOf("slow", "two", "2 1")), now);
  EXPECT_EQ(keeper.Judge("", now).reason, Reason::kUnauthenticated);
  EXPECT_EQ(keeper.Judge("three", now).reason, Reason::kUnauthenticated);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(keeper.Judge("one", now).reason, Reason::kOk);
  EXPECT_EQ(keeper.Judge("two", now).name, "slow");
  const auto verdict = keeper.Judge("two", now);
  EXPECT_EQ(verdict.reason, Reason::kRateLimited);
  EXPECT_EQ(verdict.retry_after, milliseconds(500));
}

TEST(KeyKeeper, SharesAQuotaAmongKeysOfOneName) {
  const TimePoint now{};
  KeyKeeper keeper;
  keeper.Use(KeysOf(LineOf("a", "old", "1") + LineOf("a", "new", "1")), now);
  EXPECT_EQ(keeper.Judge("old", now).reason, Reason::kOk);
  EXPECT_EQ(keeper.Judge("new", now).reason, Reason::kRateLimited);
}

TEST(KeyKeeper, KeepsWhatIsUsedUpWhenTheFileIsReadAgain) {
  const TimePoint now{};
  KeyKeeper keeper;
  keeper.Use(KeysOf(LineOf("a", "one", "1")), now);
  EXPECT_EQ(keeper.Judge("one", now).reason, Reason::kOk);
  keeper.Use(KeysOf(LineOf("a", "one", "1") + LineOf("b", "two")), now);
  EXPECT_EQ(keeper.Judge("one", now).reason, Reason::kRateLimited);
  keeper.Use(KeysOf(LineOf("a", "one", "2")), now);  // Another quota begins anew.
  EXPECT_EQ(keeper.Judge("one", now).reason, Reason::kOk);
  keeper.Use(KeysOf(LineOf("b", "two")), now);
  EXPECT_EQ(keeper.Judge("one", now).reason, Reason::kUnauthenticated);
}

TEST(BearerKey, IsTakenWhateverTheSchemesCase) {
  EXPECT_EQ(BearerKey("Bearer abc"), "abc");
  EXPECT_EQ(BearerKey("bEARER   abc"), "abc");
  for (const char* value : {"", "Bearer", "Bearer ", "Bearerabc", "Basic abc", "abc"}) {
    EXPECT_EQ(BearerKey(value), "") << value;
  }
}

}  // namespace
}  // namespace holdfast
