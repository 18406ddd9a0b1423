// SPDX-License-Identifier: Apache-2.0
#include "base/http_url.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(HttpUrl, ReadsHostPortAndPath) {
  const HttpUrl url = ParseHttpUrl("http://localhost:8080/a/b?c=d#e").value();
  EXPECT_EQ(url.host, "localhost");
  EXPECT_EQ(url.port, 8080);
  EXPECT_EQ(url.target, "/a/b?c=d");
  EXPECT_EQ(ParseHttpUrl("http://[::1]:9/")->host, "::1");
  EXPECT_EQ(FormatAuthority(*ParseHttpUrl("http://[::1]:9/")), "[::1]:9");
  EXPECT_EQ(ParseHttpUrl("http://h")->port, 80);
  EXPECT_EQ(ParseHttpUrl("http://h?x")->target, "/?x");
}

TEST(HttpUrl, RefusesWhatItCannotServeAndSaysWhatToDo) {
  for (const char* text :
       {"", "localhost:8080", "ftp://h", "http://", "http://:80", "http://h:0", "http://h:65536",
        "http://h:", "http://h:8x", "http://[::1", "http://[::1]x", "http://user@h/",
        "http://h/a b", "http://h/\r\nX: y"}) {
    const auto url = ParseHttpUrl(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().reason, Reason::kUsage);
    EXPECT_NE(url.error().message.find("try "), std::string::npos) << url.error().message;
  }
  EXPECT_NE(ParseHttpUrl("https://h").error().message.find("not supported"), std::string::npos);
}

TEST(PercentEncode, EncodesWhatAUriCannotHold) {
  EXPECT_EQ(PercentEncode("a b/c~d_e-f.g", Slashes::kKeep), "a%20b/c~d_e-f.g");
  EXPECT_EQ(PercentEncode("a/b+c=&\xc3\xa9"), "a%2Fb%2Bc%3D%26%C3%A9");
}

}  // namespace
}  // namespace holdfast
