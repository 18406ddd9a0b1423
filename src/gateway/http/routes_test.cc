// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/routes.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace holdfast {
namespace {

// A route, or a refusal, in one line.
std::string Resolved(std::string_view method, std::string_view target) {
  const auto route = ResolveRoute(method, target);
  if (!route) {
    const RouteError& refusal = route.error();
    std::string text = std::to_string(Describe(refusal.error.reason).http);
    if (!refusal.allow.empty()) text += " allow " + refusal.allow;
    return text;
  }
  constexpr std::array<std::string_view, 12> kNames{
      "root",     "classify",    "predict", "tf-classify", "regress", "status",
      "metadata", "invocations", "ping",    "ready",       "live",    "metrics"};
  std::string text(kNames[static_cast<std::size_t>(route->endpoint)]);
  if (route->model) text += " model=" + *route->model;
  if (route->version) text += " version=" + std::to_string(*route->version);
  if (route->label) text += " label=" + *route->label;
  if (route->top != 5) text += " top=" + std::to_string(route->top);
  if (route->needs_body) text += " body";
  return text;
}

struct Case {
  std::string_view rule;
  std::string_view method;
  std::string_view target;
  std::string_view expected;
};

void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    EXPECT_EQ(Resolved(c.method, c.target), c.expected)
        << c.rule << ": " << c.method << ' ' << c.target;
  }
}

TEST(ResolveRoute, KnowsTheFixedPaths) {
  Check({
      {"failures 4: / answers 200 (Elastic Beanstalk)", "GET", "/", "root"},
      {"raw 1", "POST", "/classify", "classify body"},
      {"sagemaker", "POST", "/invocations", "invocations body"},
      {"sagemaker", "GET", "/ping", "ping"},
      {"sagemaker: one sentence says POST", "POST", "/ping", "ping"},
      {"health", "GET", "/healthz", "ready"},
      {"health", "GET", "/readyz", "ready"},
      {"health", "GET", "/livez?verbose&top=no", "live"},
      {"manners 7: HEAD where GET is", "HEAD", "/metrics", "metrics"},
      {"manners 7: HEAD where GET is", "HEAD", "/", "root"},
      {"manners 7: absolute form", "GET", "http://host:8080/ping", "ping"},
      {"manners 7: absolute form", "GET", "HTTP://host", "root"},
      {"manners 7: absolute form", "POST", "http://host/classify?top=1", "classify top=1 body"},
      {"manners 7: absolute form", "GET", "http://host?x=/ping", "root"},
      {"manners 7: percent-encoding", "GET", "/p%69ng", "ping"},
  });
}

TEST(ResolveRoute, KnowsTensorFlowServingsPaths) {
  Check({
      {"tfs-rest", "POST", "/v1/models/m:predict", "predict model=m body"},
      {"tfs-rest", "POST", "/v1/models/m/versions/12:predict", "predict model=m version=12 body"},
      {"tfs-rest", "POST", "/v1/models/m:classify?top=3", "tf-classify model=m top=3 body"},
      {"tfs-rest", "POST", "/v1/models/m/versions/1:regress", "regress model=m version=1 body"},
      {"tfs-rest", "GET", "/v1/models/m", "status model=m"},
      {"tfs-rest", "HEAD", "/v1/models/m", "status model=m"},
      {"tfs-rest", "GET", "/v1/models/m/versions/3", "status model=m version=3"},
      {"tfs-rest", "GET", "/v1/models/m/metadata", "metadata model=m"},
      {"tfs-rest", "GET", "/v1/models/m/versions/3/metadata", "metadata model=m version=3"},
      {"tfs-rest 2: names may contain . - _", "GET", "/v1/models/a.b-c_d", "status model=a.b-c_d"},
      {"tfs-rest 8.4: names are decoded", "GET", "/v1/models/a%20b%2Fc", "status model=a b/c"},
      {"tfs-rest 8.4: also the verb", "POST", "/v1/models/m%3Apredict", "predict model=m body"},
      {"tfs-rest 8.4: routes in any case", "POST", "/V1/Models/M/Versions/1:PREDICT",
       "predict model=M version=1 body"},
      {"tfs-rest 8.4: routes in any case", "GET", "/v1/models/m/METADATA", "metadata model=m"},
      {"tfs-rest: a model may be called metadata", "GET", "/v1/models/metadata",
       "status model=metadata"},
      {"tfs-rest 2: labels", "GET", "/v1/models/m/labels/stable", "status model=m label=stable"},
      {"tfs-rest 2: labels", "POST", "/v1/models/m/labels/stable:predict",
       "predict model=m label=stable body"},
  });
}

TEST(ResolveRoute, CallsAnythingElseUnderV1MalformedAsTensorFlowServing) {  // protocols 8.4
  for (const std::string_view target :
       {"/v1", "/v1/", "/v1/models", "/v1/models/", "/v1/models/m/", "/v1/models/m:train",
        "/v1/models/m:", "/v1/models/m/versions", "/v1/models/m/versions/",
        "/v1/models/m/versions/x", "/v1/models/m/versions/-1",
        "/v1/models/m/versions/99999999999999999999", "/v1/models/m/versions/1/x",
        "/v1/models/m/metadata:predict", "/v1/models/:predict", "/v1/modelz/m",
        "/v1/models/m/metadata/x", "/v1/models/m/labels/"}) {
    for (const std::string_view method : {"GET", "POST"}) {
      const auto route = ResolveRoute(method, target);
      ASSERT_FALSE(route) << target;
      EXPECT_EQ(route.error().error.reason, Reason::kBadRequest);
      EXPECT_TRUE(route.error().error.message.starts_with("Malformed request: ")) << target;
    }
  }
  Check({{"method", "GET", "/v1/models/m:predict", "400"},
         {"method", "PUT", "/v1/models/m:predict", "400"},
         {"method", "POST", "/v1/models/m", "400"},
         {"method", "BREW", "/v1/models/m", "400"},
         {"not /v1", "GET", "/v10", "404"}});
  EXPECT_EQ(ResolveRoute("GET", "/v1/models/m:predict").error().error.message,
            "Malformed request: \"GET\" \"/v1/models/m:predict\"");
}

TEST(ResolveRoute, RefusesOtherMethodsWithAllow) {
  Check({
      {"manners 7", "GET", "/classify", "405 allow POST"},
      {"manners 7", "DELETE", "/ping", "405 allow GET, HEAD, POST"},
      {"manners 7", "POST", "/", "405 allow GET, HEAD"},
      {"manners 7", "OPTIONS", "/metrics", "405 allow GET, HEAD"},
      {"manners 7: methods are case-sensitive", "get", "/ping", "501"},
      {"failures 4: unknown method 501", "BREW", "/classify", "501"},
      {"failures 4: the path comes first", "BREW", "/coffee", "404"},
  });
}

TEST(ResolveRoute, RefusesPathsAndTargetsThatAreNone) {
  Check({
      {"failures 4", "GET", "/clasify", "404"},
      {"failures 4", "POST", "/classify/", "404"},
      {"failures 4", "GET", "//", "404"},
      {"failures 4", "GET", "//ping", "404"},
      {"failures 4", "GET", "/Ping", "404"},
      {"manners 7", "OPTIONS", "*", "400"},
      {"manners 7", "CONNECT", "host:80", "400"},
      {"manners 7", "GET", "", "400"},
      {"manners 7: bad percent-encoding", "GET", "/ping%", "400"},
      {"manners 7: bad percent-encoding", "GET", "/ping%2", "400"},
      {"manners 7: bad percent-encoding", "GET", "/v1/models/%zz", "400"},
      {"manners 7: no encoded control characters", "GET", "/v1/models/a%00b", "400"},
      {"bounded", "GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", "400"},
  });
  EXPECT_NE(ResolveRoute("GET", "/clasify").error().error.message.find("did you mean /classify?"),
            std::string::npos);
}

TEST(ResolveRoute, ChecksItsParameters) {
  Check({
      {"raw 1", "POST", "/classify?top=1000&model=a.b&version=2",
       "classify model=a.b version=2 top=1000 body"},
      {"raw 1", "POST", "/invocations?model=m", "invocations model=m body"},
      {"raw 1: others are left alone", "POST", "/classify?x=1&y&&=z", "classify body"},
      {"raw 1: decoded", "POST", "/classify?model=a%2Bb+c", "classify model=a+b c body"},
      {"raw 1", "POST", "/classify?top=0", "400"},
      {"raw 1", "POST", "/classify?top=1001", "400"},
      {"raw 1", "POST", "/classify?top=", "400"},
      {"raw 1", "POST", "/classify?top=5x", "400"},
      {"raw 1", "POST", "/classify?top=-1", "400"},
      {"raw 1", "POST", "/classify?top=4294967301", "400"},
      {"raw 1", "POST", "/classify?top=1&top=1", "400"},
      {"raw 1", "POST", "/classify?model=", "400"},
      {"raw 1", "POST", "/classify?version=x", "400"},
      {"raw 1", "POST", "/classify?version=-1", "400"},
      {"raw 1: one model", "POST", "/v1/models/m:predict?model=other", "400"},
      {"raw 1: one model", "POST", "/v1/models/m:predict?model=m", "predict model=m body"},
      {"raw 1", "POST", "/classify?top=%4", "400"},
  });
}

TEST(ResolveRoute, SurvivesAnyTarget) {
  const std::vector<std::string> words{"/",        "v1",  "models",   "m",  ":",       "predict",
                                       "versions", "1",   "%2F",      "%",  "?",       "&",
                                       "=",        "top", "metadata", "..", "http://", "\xff"};
  std::mt19937 random(9);
  for (int i = 0; i < 20'000; ++i) {
    std::string target = random() % 4 == 0 ? "" : "/";
    const std::size_t length = random() % 12;
    for (std::size_t k = 0; k < length; ++k) target += words[random() % words.size()];
    const auto route = ResolveRoute("POST", target);
    if (!route) {
      EXPECT_FALSE(route.error().error.message.empty());
    }
  }
}

TEST(ResolveRoute, GivesModelsAndBelowToTorchServeOrToSageMaker) {
  const auto sagemaker = [](std::string_view method, std::string_view target) {
    return ResolveRoute(method, target, Audience::kPublic, ModelsFace::kSageMaker);
  };
  const auto added = sagemaker("POST", "/models");
  ASSERT_TRUE(added);
  EXPECT_EQ(added->endpoint, Endpoint::kSageMakerModels);
  EXPECT_TRUE(added->posts);
  EXPECT_FALSE(added->needs_body) << "no admission: it is no item";
  const auto listed = sagemaker("GET", "/models?next_page_token=a%20b");
  EXPECT_EQ(listed->page_token, "a b");
  EXPECT_FALSE(listed->posts);
  EXPECT_TRUE(sagemaker("DELETE", "/models/a1")->deletes);
  const auto invoked = sagemaker("POST", "/models/a1/invoke?top=3");
  ASSERT_TRUE(invoked);
  EXPECT_EQ(invoked->endpoint, Endpoint::kInvocations);
  EXPECT_EQ(invoked->model, "a1");
  EXPECT_EQ(invoked->top, 3u);
  EXPECT_TRUE(invoked->needs_body);
  EXPECT_EQ(sagemaker("PUT", "/models").error().allow, "GET, HEAD, POST");

  EXPECT_EQ(ResolveRoute("GET", "/models")->endpoint, Endpoint::kDescribeModel);
  EXPECT_EQ(ResolveRoute("POST", "/models").error().error.reason, Reason::kMethodNotAllowed);
  EXPECT_EQ(ResolveRoute("POST", "/models/a1/invoke").error().error.reason, Reason::kNotFound);
}

}  // namespace
}  // namespace holdfast
