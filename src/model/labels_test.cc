// SPDX-License-Identifier: Apache-2.0
#include "model/labels.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(Labels, AreTheLinesOfAnyEditor) {
  std::vector<Problem> problems;
  EXPECT_EQ(ParseLabels("\xEF\xBB\xBF"
                        "tabby\r\ncat, wild\n\n",
                        "labels.txt", problems),
            (std::vector<std::string>{"tabby", "cat, wild"}));
  EXPECT_TRUE(problems.empty());
}

TEST(Labels, TellEverythingThatIsWrongWithItsLine) {
  std::vector<Problem> problems;
  ParseLabels("\n\xff\na\tb\n" + std::string(1025, 'x'), "labels.txt", problems);
  ASSERT_EQ(problems.size(), 4u);
  EXPECT_EQ(problems[0].where, "labels.txt:1");
  EXPECT_EQ(problems[3].where, "labels.txt:4");
}

// Found by the fuzzer: two files with marks, joined, gave a class an invisible name.
TEST(Labels, HaveNoByteOrderMarkInside) {
  std::vector<Problem> problems;
  ParseLabels(
      "\xEF\xBB\xBF\xEF\xBB\xBF"
      "a",
      "labels.txt", problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].where, "labels.txt:1");
}

}  // namespace
}  // namespace holdfast
