// SPDX-License-Identifier: Apache-2.0
#include "os/replace_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace holdfast {
namespace {

namespace fs = std::filesystem;

class ReplaceFileTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directory(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  static std::string Content(const fs::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  fs::path folder_ = fs::path(testing::TempDir()) / "replace_file_test";
};

TEST_F(ReplaceFileTest, GivesAFileItsContent) {
  ASSERT_TRUE(ReplaceFile(folder_ / "file", "longer than the second"));
  ASSERT_TRUE(ReplaceFile(folder_ / "file", "second"));
  EXPECT_EQ(Content(folder_ / "file"), "second");
  EXPECT_FALSE(fs::exists(folder_ / "file.new"));
}

TEST_F(ReplaceFileTest, LeavesNothingBesideAFileThatCannotBeReplaced) {
  fs::create_directories(folder_ / "file" / "inside");
  const Status written = ReplaceFile(folder_ / "file", "text");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().reason, Reason::kUsage);
  EXPECT_FALSE(fs::exists(folder_ / "file.new"));
}

TEST_F(ReplaceFileTest, RefusesAFolderThatIsNotThere) {
  const Status written = ReplaceFile(folder_ / "missing" / "file", "text");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().reason, Reason::kUsage);
}

}  // namespace
}  // namespace holdfast
