// SPDX-License-Identifier: Apache-2.0
#include "apps/command_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "model/preprocessing_presets.h"

namespace holdfast {
namespace {

using Words = std::vector<std::string>;

template <class T>
T Parsed(const Words& words) {
  const auto command = ParseCommandLine(words);
  if (!command) {
    ADD_FAILURE() << command.error().message;
    return {};
  }
  const T* wanted = std::get_if<T>(&*command);
  if (wanted == nullptr) ADD_FAILURE() << "another command";
  return wanted == nullptr ? T{} : *wanted;
}

std::string Refusal(const Words& words) {
  const auto command = ParseCommandLine(words);
  return command ? "" : command.error().message;
}

TEST(CommandLine, TakesUnderscoresAndDashesInFlagsButNotInValues) {
  for (const Words& words : {Words{"serve", "--model_name", "a_b-c"},
                             {"serve", "--model-name=a_b-c"},
                             {"serve", "--model_name=a_b-c"}}) {
    const auto serve = Parsed<ServeCommand>(words);
    ASSERT_EQ(serve.flags.size(), 1u);
    EXPECT_EQ(serve.flags[0].name, "model-name");
    EXPECT_EQ(serve.flags[0].value, "a_b-c");
  }
}

TEST(CommandLine, GivesAnAliasTheNameOfItsSetting) {
  const auto serve = Parsed<ServeCommand>({"serve", "--rest_api_port=1", "--port=2"});
  ASSERT_EQ(serve.flags.size(), 2u);
  EXPECT_EQ(serve.flags[0].name, "http-port");
  EXPECT_EQ(serve.flags[1].name, "grpc-port");
}

TEST(CommandLine, LeavesUnknownArgumentsOfServeToBeJudgedWithTheRest) {
  const auto serve = Parsed<ServeCommand>({"serve", "--nope=1", "--workers", "2", "stray"});
  EXPECT_EQ(serve.extras, (Words{"--nope=1", "stray"}));
  EXPECT_EQ(serve.flags.size(), 1u);
}

TEST(CommandLine, OfAFlagOfServeGivenTwiceTakesTheLast) {
  const auto serve = Parsed<ServeCommand>({"serve", "--workers=2", "--workers", "3"});
  ASSERT_EQ(serve.flags.size(), 1u);
  EXPECT_EQ(serve.flags[0].value, "3");
}

TEST(CommandLine, ReadsPack) {
  const auto pack = Parsed<PackCommand>(
      {"pack", "m.onnx", "--model-repository", "r", "--name=n", "--version", "7", "--preprocessing",
       "crop=1,2", "--golden", "a.jpg=3", "--golden", "b.jpg", "--output", "logits", "--force"});
  EXPECT_EQ(pack.model_file, "m.onnx");
  EXPECT_EQ(pack.version, 7);
  EXPECT_EQ(pack.preprocessing, (Words{"crop=1,2"}));
  EXPECT_EQ(pack.golden, (Words{"a.jpg=3", "b.jpg"}));
  EXPECT_TRUE(pack.force);
  EXPECT_EQ(pack.preset, "torchvision");
}

TEST(CommandLine, ReadsFilesWhateverTheyAreCalled) {
  const auto classify =
      Parsed<ClassifyCommand>({"classify", "serve", "-", "a b", "--top", "3", "--", "--json"});
  EXPECT_EQ(classify.files, (Words{"serve", "-", "a b", "--json"}));
  EXPECT_EQ(classify.top, 3u);
  EXPECT_FALSE(classify.json);
}

TEST(CommandLine, ReadsTheOtherCommands) {
  EXPECT_EQ(Parsed<InspectCommand>({"inspect", "f", "--json"}).folder, "f");
  EXPECT_EQ(Parsed<HealthcheckCommand>({"healthcheck", "--timeout", "7"}).timeout.count(), 7);
  EXPECT_TRUE(Parsed<VersionCommand>({"version", "--json"}).json);
  EXPECT_FALSE(Parsed<VersionCommand>({"--version"}).json);
  EXPECT_NE(Parsed<ShowText>({}).text.find("Usage: holdfast"), std::string::npos);
  EXPECT_EQ(Parsed<ShowText>({"help", "pack"}).text, Parsed<ShowText>({"pack", "-h"}).text);
}

TEST(CommandLine, RefusesInOneLineThatSaysWhatToDo) {
  for (const Words& words : {Words{"srve"},
                             {"quite-another-thing"},
                             {"--nope"},
                             {"pack"},
                             {"pack", "m.onnx"},
                             {"pack", "m.onnx", "--model-repository"},
                             {"pack", "m.onnx", "--model-repository="},
                             {"pack", "m.onnx", "--model-repository", "r", "--version", "0"},
                             {"pack", "m.onnx", "--model-repository", "r", "--output", "x"},
                             {"pack", "m.onnx", "extra", "--model-repository", "r"},
                             {"classify"},
                             {"classify", "f", "--top", "0"},
                             {"classify", "f", "--top", "-1"},
                             {"classify", "f", "--jsn"},
                             {"healthcheck", "--timeout", "soon"},
                             {"completion", "tcsh"},
                             {"serve", "--workers"}}) {
    const std::string message = Refusal(words);
    EXPECT_NE(message, "") << words.front();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_TRUE(message.find("try ") != std::string::npos ||
                message.find("give one") != std::string::npos)
        << message;
  }
}

TEST(CommandLine, ListsThePresetsThatThereAre) {
  std::string presets;
  for (const std::string& name : PreprocessingPresetNames()) {
    presets += (presets.empty() ? "" : "|") + name;
  }
  const auto commands = DescribeCommands();
  const auto pack = std::ranges::find(commands, "pack", &CommandRow::name);
  const auto option = std::ranges::find_if(
      pack->options, [](const OptionRow& row) { return row.spellings.front() == "--preset"; });
  EXPECT_EQ(option->value, presets);
}

TEST(CommandLine, NamesTheNearestCommandAndFlag) {
  EXPECT_NE(Refusal({"srve"}).find("holdfast serve"), std::string::npos);
  EXPECT_NE(Refusal({"classify", "f", "--jsn"}).find("try --json"), std::string::npos);
  EXPECT_NE(Refusal({"pack", "--labls", "x"}).find("try --labels"), std::string::npos);
}

}  // namespace
}  // namespace holdfast
