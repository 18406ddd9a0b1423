// SPDX-License-Identifier: Apache-2.0
#include "ipc/role_arguments.h"

#include <gtest/gtest.h>

#include <map>

#include "ipc/gateway_options.h"
#include "ipc/zygote_options.h"

namespace holdfast {
namespace {

RoleArguments Parsed(const std::vector<std::string>& words) {
  auto arguments = RoleArguments::Parse(words);
  EXPECT_TRUE(arguments.has_value());
  return std::move(*arguments);
}

// The words of default options, each with a number of its own where it has one: a field that is
// not carried over, or is mixed up with another, changes them.
template <class Options>
std::vector<std::string> DistinctWords(const std::map<std::string, std::string>& fixed) {
  std::vector<std::string> words = ToArguments(Options{}).Words();
  int number = 1000;
  for (std::string& word : words) {
    const std::string key = word.substr(0, word.find('='));
    const auto entry = fixed.find(key);
    word = key + '=' + (entry != fixed.end() ? entry->second : std::to_string(++number));
  }
  return words;
}

std::vector<std::string> GatewayWords() {
  return DistinctWords<GatewayOptions>(
      {{"credentials", "1"}, {"log_as_text", "1"}, {"log_level", "3"}, {"model_control", "2"}});
}
std::vector<std::string> ZygoteWords() { return DistinctWords<ZygoteOptions>({{"sandbox", "2"}}); }

TEST(RoleArguments, AreWordsWithAKeyAndAValue) {
  const RoleArguments arguments = Parsed({"name=a=b", "empty=", "number=18446744073709551615"});
  EXPECT_EQ(arguments.Text("name").value_or(""), "a=b");
  EXPECT_EQ(arguments.Text("empty").value_or("?"), "");
  EXPECT_EQ(arguments.Number("number").value_or(0), ~std::uint64_t{0});
  EXPECT_EQ(arguments.Words(),
            (std::vector<std::string>{"empty=", "name=a=b", "number=18446744073709551615"}));
}

TEST(RoleArguments, AreNotTypedByHand) {
  for (const std::string word : {"", "--help", "=", "=x"}) {
    const std::vector words{word};
    const auto arguments = RoleArguments::Parse(words);
    ASSERT_FALSE(arguments) << word;
    EXPECT_EQ(arguments.error().reason, Reason::kUsage);
  }
}

TEST(RoleArguments, ThatAreMissingOrNoNumberAreErrors) {
  const RoleArguments arguments = Parsed({"a=", "b=-1", "c=12x", "d=99999999999999999999", "e= 1"});
  for (const char* key : {"a", "b", "c", "d", "e", "f"}) EXPECT_FALSE(arguments.Number(key)) << key;
  EXPECT_FALSE(arguments.Text("f"));
}

TEST(GatewayOptions, ComeBackAsTheyWere) {
  const auto options = GatewayOptionsFrom(Parsed(GatewayWords()));
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(ToArguments(*options).Words(), GatewayWords());
  EXPECT_TRUE(options->log_as_text);
}

TEST(GatewayOptions, AreRefusedWhenAWordIsMissing) {
  const std::vector<std::string> words = GatewayWords();
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto fewer = words;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(GatewayOptionsFrom(Parsed(fewer))) << words[i];
  }
}

TEST(GatewayOptions, AreRefusedWithALogLevelThatThereIsNot) {
  auto words = GatewayWords();
  words.emplace_back("log_level=4");
  EXPECT_FALSE(GatewayOptionsFrom(Parsed(words)));
}

TEST(ZygoteOptions, ComeBackAsTheyWere) {
  const auto options = ZygoteOptionsFrom(Parsed(ZygoteWords()));
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(ToArguments(*options).Words(), ZygoteWords());
  EXPECT_EQ(options->sandbox, Sandboxing::kRequired);
}

TEST(ZygoteOptions, AreRefusedWhenAWordIsMissing) {
  const std::vector<std::string> words = ZygoteWords();
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto fewer = words;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(ZygoteOptionsFrom(Parsed(fewer))) << words[i];
  }
}

TEST(ZygoteOptions, AreRefusedWithASandboxThatThereIsNot) {
  auto words = ZygoteWords();
  words.emplace_back("sandbox=3");
  EXPECT_FALSE(ZygoteOptionsFrom(Parsed(words)));
}

}  // namespace
}  // namespace holdfast
