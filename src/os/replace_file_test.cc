// SPDX-License-Identifier: Apache-2.0
#include "os/replace_file.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "testing/temp_dir.h"

namespace holdfast {
namespace {

TEST(ReplaceFileTest, GivesAFileItsContent) {
  const TempDir folder;
  const auto file = folder.path() / "file";
  ASSERT_TRUE(ReplaceFile(file, "longer than the second"));
  ASSERT_TRUE(ReplaceFile(file, "second"));
  EXPECT_EQ(ReadWholeFile(file), "second");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "file.new"));
}

TEST(ReplaceFileTest, LeavesNothingBesideAFileThatCannotBeReplaced) {
  const TempDir folder;
  folder.Write("taken/inside", "");
  const Status written = ReplaceFile(folder.path() / "taken", "text");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().reason, Reason::kUsage);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "taken.new"));
}

TEST(ReplaceFileTest, RefusesAFolderThatIsNotThere) {
  const TempDir folder;
  const Status written = ReplaceFile(folder.path() / "missing" / "file", "text");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().reason, Reason::kUsage);
}

}  // namespace
}  // namespace holdfast
