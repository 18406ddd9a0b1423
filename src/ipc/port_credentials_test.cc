// SPDX-License-Identifier: Apache-2.0
#include "ipc/port_credentials.h"

#include <gtest/gtest.h>

#include "testing/temp_dir.h"

namespace holdfast {
namespace {

TEST(PortCredentials, ComeBackAsTheyWereSent) {
  const PortCredentials sent{.certificate = "-----BEGIN\nä\"\\\n", .key = {}, .client_ca = "\0x"};
  const auto taken = DecodePortCredentials(EncodePortCredentials(sent));
  ASSERT_TRUE(taken);
  EXPECT_EQ(*taken, sent);
}

TEST(PortCredentials, AreNothingElse) {
  for (const char* text : {"", "{}", "[]", R"({"certificate":1,"key":"","client_ca":""})"}) {
    EXPECT_FALSE(DecodePortCredentials(text)) << text;
  }
}

TEST(PortCredentials, AreReadFromTheFilesThatAreNamed) {
  const TempDir folder;
  const auto read = ReadPortCredentials({.certificate = folder.Write("c.pem", "C").string(),
                                         .key = folder.Write("k.pem", "K").string(),
                                         .client_ca = {}});
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, (PortCredentials{.certificate = "C", .key = "K", .client_ca = {}}));
}

TEST(PortCredentials, SayWhichFileCannotBeReadAndWhoNamedIt) {
  const TempDir folder;
  const std::string missing = (folder.path() / "none.pem").string();
  const auto read = ReadPortCredentials(
      {.certificate = folder.Write("c.pem", "C").string(), .key = missing, .client_ca = {}});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().reason, Reason::kNotFound);
  EXPECT_EQ(read.error().message.find("--tls-key: " + missing + " is missing"), 0u)
      << read.error().message;
  const auto empty = ReadPortCredentials(
      {.certificate = folder.Write("e.pem", "").string(), .key = {}, .client_ca = {}});
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().reason, Reason::kBadModel);
}

}  // namespace
}  // namespace holdfast
