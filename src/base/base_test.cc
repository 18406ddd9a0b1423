// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <vector>

#include "base/build_id.h"
#include "base/nearest_name.h"
#include "base/reason.h"
#include "base/result.h"

namespace holdfast {
namespace {

Result<int> Half(int n) {
  if (n % 2 != 0) return Error{Reason::kBadRequest, "odd"};
  return n / 2;
}

Result<int> Quarter(int n) {
  const int half = TRY(Half(n));
  return TRY(Half(half));
}

TEST(Result, TryYieldsTheValueOrReturnsTheError) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(6).error().reason, Reason::kBadRequest);
}

TEST(Result, GuardTurnsExceptionsIntoErrors) {
  EXPECT_EQ(Guard([] { return 3; }).value(), 3);
  EXPECT_EQ(Guard([] { throw std::bad_alloc(); }).error().reason, Reason::kInsufficientResources);
  EXPECT_EQ(Guard([] { throw std::runtime_error("x"); }).error().message, "x");
}

TEST(Reason, EveryWordIsUniqueAndNoReasonIsA502) {
  std::set<std::string_view> words;
  for (std::uint32_t n = 0; ReasonFromNumber(n).has_value(); ++n) {
    const ReasonEntry& entry = Describe(*ReasonFromNumber(n));
    EXPECT_TRUE(words.insert(entry.word).second) << entry.word;
    EXPECT_NE(entry.http, 502);
  }
  EXPECT_GT(words.size(), 25u);
}

TEST(Reason, ANumberFromAForeignProcessIsInternal) {
  EXPECT_FALSE(ReasonFromNumber(9999).has_value());
  EXPECT_EQ(Describe(static_cast<Reason>(9999)).reason, Reason::kInternal);
}

TEST(NearestName, FindsATypoAndRefusesToGuessWildly) {
  const std::vector<std::string> known{"http-port", "grpc-port", "workers"};
  EXPECT_EQ(NearestName("htp-port", known), "http-port");
  EXPECT_EQ(NearestName("worker", known), "workers");
  EXPECT_EQ(NearestName("completely-different", known), "");
}

TEST(BuildId, NamesTheBuildAndItsVersion) {
  EXPECT_GE(BuildId().size(), 12u);
  EXPECT_NE(Version().find('.'), std::string_view::npos);
  EXPECT_FALSE(Compiler().empty());
}

}  // namespace
}  // namespace holdfast
