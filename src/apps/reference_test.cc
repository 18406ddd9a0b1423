// SPDX-License-Identifier: Apache-2.0
#include "apps/reference.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "apps/completion.h"
#include "apps/help_text.h"
#include "apps/man_page.h"
#include "testing/temp_dir.h"

namespace holdfast {
namespace {

// Compares with a file of the repository, or rewrites it where UPDATE_GOLDEN is set.
void ExpectGolden(const std::filesystem::path& file, const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(HOLDFAST_SOURCE_FOLDER) / file;
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  EXPECT_EQ(ReadWholeFile(path), text) << "UPDATE_GOLDEN=1 rewrites " << file;
}

bool IsInstalled(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

std::string CompletionOf(const std::string& shell) {
  return RenderCompletion(shell, DescribeCommands());
}

TEST(Reference, HelpIsWhatTheRepositoryShows) {
  const auto commands = DescribeCommands();
  ExpectGolden("tests/golden/cli/help.txt", RenderHelp("", commands));
  for (const CommandRow& command : commands) {
    ExpectGolden("tests/golden/cli/help-" + command.name + ".txt",
                 RenderHelp(command.name, commands));
  }
}

TEST(Reference, DocumentsAreWhatTheProgramSays) {
  ExpectGolden("docs/reference/cli.md", RenderCommandReference(DescribeCommands()));
  ExpectGolden("docs/reference/configuration.md", RenderConfigurationReference());
}

TEST(Reference, HelpFitsATerminal) {
  for (const CommandRow& command : DescribeCommands()) {
    const std::string help = RenderHelp(command.name, DescribeCommands());
    // Examples are to be copied, so they are not broken.
    std::istringstream lines(help.substr(0, help.find("\nExamples:")));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(Reference, CompletionIsValidInEveryShellThatIsHere) {
  const TempDir folder;
  for (const auto& [shell, check] :
       {std::pair{"bash", "bash -n "}, {"zsh", "zsh -n "}, {"fish", "fish --no-execute "}}) {
    const std::string script = folder.Write(shell, CompletionOf(shell)).string();
    if (!IsInstalled(shell)) {
      std::printf("[  SKIPPED ] no %s on this machine\n", shell);
      continue;
    }
    EXPECT_EQ(std::system((check + script).c_str()), 0) << shell;
  }
}

TEST(Reference, BashCompletesCommandsFlagsAndChoices) {
  const TempDir folder;
  const std::string script = folder.Write("c.bash", CompletionOf("bash")).string();
  const std::string out = (folder.path() / "out").string();
  const auto completes = [&](const std::string& words, int at) {
    const std::string line = "bash -c '. " + script + "; COMP_WORDS=(" + words +
                             "); COMP_CWORD=" + std::to_string(at) +
                             "; _holdfast; echo ${COMPREPLY[*]}' > " + out;
    EXPECT_EQ(std::system(line.c_str()), 0);
    return ReadWholeFile(out);
  };
  EXPECT_EQ(completes("holdfast ser", 1), "serve\n");
  EXPECT_EQ(completes("holdfast serve --http", 2), "--http-port\n");
  EXPECT_EQ(completes("holdfast serve --log-format j", 3), "json\n");
  EXPECT_EQ(completes("holdfast completion z", 2), "zsh\n");
  EXPECT_EQ(completes("holdfast refer", 1), "\n");
}

TEST(Reference, ManPageIsFreeOfWarnings) {
  if (!IsInstalled("man") || !IsInstalled("groff")) GTEST_SKIP() << "no man on this machine";
  const TempDir folder;
  const std::string page = folder.Write("holdfast.1", RenderManPage(DescribeCommands())).string();
  const std::string words = (folder.path() / "warnings").string();
  const std::string out = (folder.path() / "out").string();
  EXPECT_EQ(std::system(("man --warnings -l " + page + " >" + out + " 2>" + words).c_str()), 0);
  EXPECT_EQ(ReadWholeFile(words), "");
  EXPECT_NE(ReadWholeFile(out).find("--http-port"), std::string::npos);
}

}  // namespace
}  // namespace holdfast
