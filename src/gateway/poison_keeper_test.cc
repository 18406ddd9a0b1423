// SPDX-License-Identifier: Apache-2.0
#include "gateway/poison_keeper.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <vector>

#include "testing/temp_dir.h"

namespace holdfast {
namespace {

const std::vector<std::uint8_t> kImage{'b', 'a', 'd'};

std::size_t FilesIn(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder),
                                                std::filesystem::directory_iterator()));
}

TEST(PoisonKeeper, KeepsAnImageUnderItsDigestForItsOwnerOnly) {
  const TempDir folder;
  PoisonKeeper keeper(folder.path());
  ASSERT_TRUE(keeper.Keep("abc", kImage));
  ASSERT_TRUE(keeper.Keep("abc", {})) << "it is there already";
  std::ifstream file(folder.path() / "abc", std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "bad");
  EXPECT_EQ(std::filesystem::status(folder.path() / "abc").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(PoisonKeeper, KeepsNothingUnlessAsked) { EXPECT_TRUE(PoisonKeeper("").Keep("abc", kImage)); }

TEST(PoisonKeeper, KeepsSoManyAtMost) {
  const TempDir folder;
  PoisonKeeper keeper(folder.path());
  for (std::size_t i = 0; i < PoisonKeeper::kFilesMax + 3; ++i) {
    EXPECT_TRUE(keeper.Keep(std::to_string(i), kImage));
  }
  EXPECT_EQ(FilesIn(folder.path()), PoisonKeeper::kFilesMax);
}

TEST(PoisonKeeper, SaysWhenTheFolderIsNotThere) {
  const Status kept = PoisonKeeper("/nonexistent").Keep("abc", kImage);
  ASSERT_FALSE(kept);
  EXPECT_NE(kept.error().message.find("/nonexistent/abc"), std::string::npos);
}

}  // namespace
}  // namespace holdfast
