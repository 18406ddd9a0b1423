// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/console_documents.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "gateway/http/routes.h"

namespace holdfast {
namespace {

std::string HeaderOf(const HttpAnswer& answer, std::string_view name) {
  const auto found =
      std::ranges::find(answer.headers, name, &std::pair<std::string, std::string>::first);
  return found == answer.headers.end() ? "" : found->second;
}

TEST(Console, IsForOperatorsOnly) {
  const auto route = ResolveRoute("GET", "/console", Audience::kAdmin, ModelsFace::kTorchServe);
  ASSERT_TRUE(route);
  EXPECT_EQ(route->endpoint, Endpoint::kConsole);
  EXPECT_FALSE(ResolveRoute("GET", "/console", Audience::kPublic, ModelsFace::kTorchServe));
  EXPECT_FALSE(ResolveRoute("GET", "/console", Audience::kControl, ModelsFace::kTorchServe));
  EXPECT_FALSE(ResolveRoute("POST", "/console", Audience::kAdmin, ModelsFace::kTorchServe));
}

TEST(Console, LoadsNothingFromElsewhereAndHasAllThatItLoads) {
  const HttpAnswer page = AnswerConsole({.endpoint = Endpoint::kConsole}, "", "id");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(HeaderOf(page, "Content-Security-Policy").find("default-src 'none'"), 0U);
  EXPECT_EQ(page.body.find("//"), std::string::npos) << "no address of another host";
  for (std::size_t at = page.body.find("\"/console/"); at != std::string::npos;
       at = page.body.find("\"/console/", at + 1)) {
    const std::size_t begin = at + std::string_view("\"/console/").size();
    Route route{.endpoint = Endpoint::kConsole};
    route.document = page.body.substr(begin, page.body.find('"', begin) - begin);
    EXPECT_EQ(AnswerConsole(route, "", "id").status, 200) << *route.document;
  }
  Route missing{.endpoint = Endpoint::kConsole};
  missing.document = "missing.js";
  EXPECT_EQ(AnswerConsole(missing, "", "id").status, 404);
}

TEST(CheckBrowser, LetsProgramsIn) {
  EXPECT_TRUE(CheckBrowser("holdfast.internal:8081", "", ""));
  EXPECT_TRUE(CheckBrowser("", "", ""));
}

TEST(CheckBrowser, LetsTheConsolesOwnPageIn) {
  for (const char* host : {"127.0.0.1:8081", "localhost:8081", "[::1]:8081", "10.0.0.7"}) {
    const std::string origin = std::string("http://") + host;
    EXPECT_TRUE(CheckBrowser(host, origin, "same-origin")) << host;
    EXPECT_TRUE(CheckBrowser(host, "", "none")) << host << ": typed into the address bar";
  }
}

TEST(CheckBrowser, KeepsStrangersPagesOut) {
  EXPECT_FALSE(CheckBrowser("127.0.0.1:8081", "http://evil.example", "cross-site"));
  EXPECT_FALSE(CheckBrowser("127.0.0.1:8081", "http://evil.example", ""));
  EXPECT_FALSE(CheckBrowser("127.0.0.1:8081", "null", ""));
  EXPECT_FALSE(CheckBrowser("127.0.0.1:8081", "", "cross-site")) << "an <img> or a link";
  EXPECT_FALSE(CheckBrowser("127.0.0.1:8081", "http://127.0.0.1:9000", "same-site"));
  // A name that a stranger has led here for a moment.
  EXPECT_FALSE(CheckBrowser("evil.example:8081", "http://evil.example:8081", "same-origin"));
  EXPECT_FALSE(CheckBrowser("evil.example:8081", "", "same-origin"));
}

}  // namespace
}  // namespace holdfast
