// SPDX-License-Identifier: Apache-2.0
#include "s3/credentials.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "testing/temp_dir.h"

namespace holdfast {
namespace {

using std::chrono::minutes;

class CredentialsTest : public testing::Test, private Transport {
 protected:
  static Result<TransportReply> Reply(int status, std::string body = {}) {
    return TransportReply{.status = status, .headers = {}, .body = std::move(body), .broken = {}};
  }
  static std::string Json(const char* key, const char* expires) {
    return std::string(R"({"Code":"Success","AccessKeyId":")") + key +
           R"(","SecretAccessKey":"secret","Token":"token","Expiration":")" + expires + "\"}";
  }
  CredentialChain Chain() { return {environment_, *this, "eu-west-1"}; }

  WallTime now_ = ParseAwsTime("2026-11-24T05:00:00Z").value();
  TempDir folder_;
  // Nobody's own: HOME has no .aws.
  Environment environment_{{"HOME", folder_.path().string()}};
  std::deque<Result<TransportReply>> replies_;
  std::vector<TransportRequest> requests_;

 private:
  Result<TransportReply> Send(const TransportRequest& request) override {
    requests_.push_back(request);
    if (replies_.empty()) return Error{Reason::kUnavailable, "nobody is there"};
    auto reply = std::move(replies_.front());
    replies_.pop_front();
    return reply;
  }
};

TEST_F(CredentialsTest, VariablesComeFirst) {
  environment_["AWS_ACCESS_KEY_ID"] = "key";
  environment_["AWS_SECRET_ACCESS_KEY"] = "secret";
  environment_["AWS_SESSION_TOKEN"] = "token";
  environment_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/x";
  const auto found = Chain().Get(now_);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->access_key + found->secret_key + found->session_token, "keysecrettoken");
  EXPECT_FALSE(found->expires);
  EXPECT_TRUE(requests_.empty());
}

TEST_F(CredentialsTest, NobodyHasAny) {
  environment_["AWS_EC2_METADATA_DISABLED"] = "true";
  const auto found = Chain().Get(now_);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().reason, Reason::kUnauthenticated);
}

TEST_F(CredentialsTest, AProfileIsReadFromBothFiles) {
  environment_["AWS_SHARED_CREDENTIALS_FILE"] =
      folder_.Write("credentials",
                    "# mine\n[default]\naws_access_key_id = no\n\n[work]\n"
                    "aws_access_key_id = key\naws_secret_access_key=a=b\n");
  environment_["AWS_CONFIG_FILE"] =
      folder_.Write("config", "[profile work]\nregion = eu-north-1\n[profile other]\nregion = x\n");
  environment_["AWS_PROFILE"] = "work";
  environment_["AWS_ACCESS_KEY_ID"] = "not this one";
  environment_["AWS_SECRET_ACCESS_KEY"] = "since a profile is named";
  const auto found = Chain().Get(now_);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->access_key, "key");
  EXPECT_EQ(found->secret_key, "a=b");
  EXPECT_EQ(FindRegion(environment_), "eu-north-1");
  environment_["AWS_REGION"] = "us-west-2";
  EXPECT_EQ(FindRegion(environment_), "us-west-2");
  environment_["AWS_PROFILE"] = "missing";
  EXPECT_FALSE(Chain().Get(now_));
}

TEST_F(CredentialsTest, AWebIdentityIsExchanged) {
  environment_["AWS_WEB_IDENTITY_TOKEN_FILE"] = folder_.Write("token", "the token\n");
  environment_["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/models";
  replies_.push_back(Reply(
      200,
      R"(<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">)"
      "<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>key</AccessKeyId>"
      "<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
      "<Expiration>2026-11-24T06:00:00Z</Expiration></Credentials>"
      "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"));
  const auto found = Chain().Get(now_);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->access_key + found->secret_key + found->session_token, "keysecrettoken");
  EXPECT_EQ(found->expires, ParseAwsTime("2026-11-24T06:00:00Z"));
  ASSERT_EQ(requests_.size(), 1U);
  EXPECT_EQ(requests_[0].url, "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_EQ(requests_[0].body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn="
            "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fmodels&RoleSessionName=holdfast"
            "&WebIdentityToken=the%20token");
  EXPECT_FALSE(requests_[0].headers.contains("authorization"));
}

TEST_F(CredentialsTest, AWebIdentityThatIsRefusedSaysWhy) {
  environment_["AWS_WEB_IDENTITY_TOKEN_FILE"] = folder_.Write("token", "t");
  environment_["AWS_ROLE_ARN"] = "role";
  replies_.push_back(Reply(403,
                           "<ErrorResponse><Error><Code>AccessDenied</Code></Error>"
                           "</ErrorResponse>"));
  const auto found = Chain().Get(now_);
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("403 AccessDenied"), std::string::npos)
      << found.error().message;
}

TEST_F(CredentialsTest, AContainersEndpointGetsItsToken) {
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.23/v1/credentials";
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = folder_.Write("token", "let me in\n");
  replies_.push_back(Reply(503));
  replies_.push_back(Reply(200, Json("key", "2026-11-24T06:00:00Z")));
  const auto found = Chain().Get(now_);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->session_token, "token");
  ASSERT_EQ(requests_.size(), 2U);
  EXPECT_EQ(requests_[1].headers.at("authorization"), "let me in");
}

TEST_F(CredentialsTest, AnEcsTaskAsksItsAgent) {
  environment_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/x";
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://evil.example/";
  replies_.push_back(Reply(200, Json("key", "2026-11-24T06:00:00Z")));
  ASSERT_TRUE(Chain().Get(now_));
  EXPECT_EQ(requests_[0].url, "http://169.254.170.2/v2/credentials/x");
}

TEST_F(CredentialsTest, NothingIsSentOffTheHostInTheClear) {
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://evil.example/credentials";
  EXPECT_FALSE(Chain().Get(now_));
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://localhost/credentials";
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "two\r\nlines";
  EXPECT_FALSE(Chain().Get(now_));
  EXPECT_TRUE(requests_.empty());
}

TEST_F(CredentialsTest, AnInstancesMetadataIsAskedWithAToken) {
  environment_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:9/";
  replies_.push_back(Reply(200, "the-token"));
  replies_.push_back(Reply(200, "the-role\n"));
  replies_.push_back(Reply(200, Json("key", "2026-11-24T06:00:00Z")));
  ASSERT_TRUE(Chain().Get(now_));
  ASSERT_EQ(requests_.size(), 3U);
  EXPECT_EQ(requests_[0].method + ' ' + requests_[0].url,
            "PUT http://127.0.0.1:9/latest/api/token");
  EXPECT_EQ(requests_[0].headers.at("x-aws-ec2-metadata-token-ttl-seconds"), "21600");
  EXPECT_EQ(requests_[2].url,
            "http://127.0.0.1:9/latest/meta-data/iam/security-credentials/the-role");
  EXPECT_EQ(requests_[2].headers.at("x-aws-ec2-metadata-token"), "the-token");
}

TEST_F(CredentialsTest, ThereIsNoWayBackToMetadataVersionOne) {
  environment_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:9";
  replies_.push_back(Reply(405));
  EXPECT_FALSE(Chain().Get(now_));
  EXPECT_EQ(requests_.size(), 1U);
}

TEST_F(CredentialsTest, AreRenewedBeforeTheyEndAndKeptWhileThatFails) {
  environment_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/x";
  replies_.push_back(Reply(200, Json("first", "2026-11-24T06:00:00Z")));
  CredentialChain chain = Chain();
  ASSERT_TRUE(chain.Get(now_));
  EXPECT_EQ(chain.Get(now_ + minutes(44))->access_key, "first");
  EXPECT_EQ(requests_.size(), 1U);
  EXPECT_EQ(chain.Get(now_ + minutes(46))->access_key, "first") << "nobody answers; they last yet";
  EXPECT_GT(requests_.size(), 1U);
  EXPECT_FALSE(chain.Get(now_ + minutes(56)));
  replies_.push_back(Reply(200, Json("second", "2026-11-24T07:00:00Z")));
  EXPECT_EQ(chain.Get(now_ + minutes(57))->access_key, "second");
  chain.Forget();
  replies_.push_back(Reply(200, Json("third", "2026-11-24T07:00:00Z")));
  EXPECT_EQ(chain.Get(now_ + minutes(57))->access_key, "third");
}

TEST(AwsTimeTest, IsIsoWithAnEnd) {
  EXPECT_EQ(ParseAwsTime("1970-01-01T00:01:00Z"), WallTime(minutes(1)));
  EXPECT_EQ(ParseAwsTime("1970-01-01T00:01:00.123Z"), WallTime(minutes(1)));
  for (const char* text : {"", "1970-01-01", "soon", "1970-01-01T00:01:00"}) {
    EXPECT_FALSE(ParseAwsTime(text)) << text;
  }
}

}  // namespace
}  // namespace holdfast
