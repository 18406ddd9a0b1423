// SPDX-License-Identifier: Apache-2.0
#include "supervisor/credential_watch.h"

#include <gtest/gtest.h>

#include "testing/temp_dir.h"

namespace holdfast {
namespace {

class CredentialWatchTest : public testing::Test {
 protected:
  // Contents that begin with "bad" cannot be used.
  static Status Check(const PortCredentials& contents) {
    if (!contents.key.starts_with("bad")) return {};
    return Error{Reason::kBadModel, "bad key"};
  }
  std::optional<Result<PortCredentials>> LookLater(bool asked = false) {
    now_ += CredentialWatch::kSettleTime;
    return watch_.Look(now_, asked);
  }
  void Write(std::string_view certificate, std::string_view key) {
    folder_.Write("c.pem", certificate);
    folder_.Write("k.pem", key);
  }
  void TellFirst() {
    Write("c1", "k1");
    EXPECT_FALSE(LookLater());
    ASSERT_TRUE(LookLater());
  }

  TempDir folder_;
  TimePoint now_{};
  CredentialWatch watch_{{.certificate = (folder_.path() / "c.pem").string(),
                          .key = (folder_.path() / "k.pem").string(),
                          .client_ca = {}},
                         Check};
};

TEST_F(CredentialWatchTest, TellsOnceWhatHasSettled) {
  Write("c1", "k1");
  EXPECT_FALSE(watch_.Look(now_, false));
  EXPECT_TRUE(watch_.unsettled());
  Write("c2", "k1");  // Still being written.
  EXPECT_FALSE(LookLater());
  Write("c2", "k2");
  EXPECT_FALSE(LookLater());
  const auto told = LookLater();
  ASSERT_TRUE(told && *told);
  EXPECT_EQ((*told)->certificate, "c2");
  EXPECT_EQ((*told)->key, "k2");
  EXPECT_FALSE(watch_.unsettled());
  EXPECT_FALSE(LookLater());
}

TEST_F(CredentialWatchTest, TellsAtOnceWhoeverAsks) {
  Write("c1", "k1");
  EXPECT_TRUE(watch_.Look(now_, true));
  EXPECT_TRUE(watch_.Look(now_, true));
  EXPECT_FALSE(LookLater());
}

TEST_F(CredentialWatchTest, SaysOnceWhyContentsCannotBeUsed) {
  TellFirst();
  Write("c2", "bad");
  EXPECT_FALSE(LookLater());
  const auto told = LookLater();
  ASSERT_TRUE(told && !*told);
  EXPECT_EQ(told->error().message, "bad key");
  EXPECT_FALSE(LookLater());
}

TEST_F(CredentialWatchTest, SaysThatAFileHasGoneAndTakesItsReturn) {
  TellFirst();
  std::filesystem::remove(folder_.path() / "k.pem");
  EXPECT_FALSE(LookLater());
  const auto gone = LookLater();
  ASSERT_TRUE(gone && !*gone);
  EXPECT_EQ(gone->error().reason, Reason::kNotFound);
  Write("c1", "k1");
  EXPECT_FALSE(LookLater());
  EXPECT_TRUE(LookLater());
}

TEST_F(CredentialWatchTest, LooksAtNothingWhereThereIsNothing) {
  CredentialWatch none({}, Check);
  EXPECT_FALSE(none.Look(now_, true));
  EXPECT_TRUE(none.folders().empty());
  EXPECT_EQ(watch_.folders(), std::set<std::string>{folder_.path().string()});
}

}  // namespace
}  // namespace holdfast
