// SPDX-License-Identifier: Apache-2.0
#include "s3/signature.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

std::string SignatureIn(const std::map<std::string, std::string>& headers) {
  const std::string& text = headers.at("authorization");
  return text.substr(text.rfind('=') + 1);
}

WallTime At(const char* time) { return ParseAwsTime(time).value(); }

// The examples of AWS's documentation of S3's signatures, and the first case of its test suite for
// version 4.
const AwsCredentials kExample{.access_key = "AKIAIOSFODNN7EXAMPLE",
                              .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                              .session_token = {},
                              .expires = {}};

TEST(SignatureTest, OfAnObjectIsAmazons) {
  const SignedRequest request{
      .path = "/test.txt",
      .query = {},
      .headers = {{"host", "examplebucket.s3.amazonaws.com"}, {"range", "bytes=0-9"}},
      .payload_hash = PayloadHash("")};
  const auto headers = Sign(request, kExample, "us-east-1", "s3", At("2013-05-24T00:00:00Z"));
  EXPECT_EQ(headers.at("authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  EXPECT_EQ(headers.at("x-amz-date"), "20130524T000000Z");
  EXPECT_EQ(headers.at("x-amz-content-sha256"), PayloadHash(""));
}

TEST(SignatureTest, OfAListingIsAmazons) {
  const SignedRequest request{.query = {{"prefix", "J"}, {"max-keys", "2"}},
                              .headers = {{"host", "examplebucket.s3.amazonaws.com"}},
                              .payload_hash = PayloadHash("")};
  EXPECT_EQ(SignatureIn(Sign(request, kExample, "us-east-1", "s3", At("2013-05-24T00:00:00Z"))),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(SignatureTest, OfAnotherServiceIsAmazons) {
  const AwsCredentials credentials{.access_key = "AKIDEXAMPLE",
                                   .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                   .session_token = {},
                                   .expires = {}};
  const SignedRequest request{
      .query = {}, .headers = {{"host", "example.amazonaws.com"}}, .payload_hash = PayloadHash("")};
  EXPECT_EQ(
      SignatureIn(Sign(request, credentials, "us-east-1", "service", At("2015-08-30T12:36:00Z"))),
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST(SignatureTest, CoversASessionToken) {
  AwsCredentials credentials = kExample;
  credentials.session_token = "token";
  const auto headers = Sign({.query = {}, .headers = {{"host", "h"}}, .payload_hash = "x"},
                            credentials, "us-east-1", "s3", WallTime());
  EXPECT_EQ(headers.at("x-amz-security-token"), "token");
  EXPECT_NE(headers.at("authorization").find(";x-amz-security-token"), std::string::npos);
}

TEST(SignatureTest, SortsAQueryAndEncodesIt) {
  EXPECT_EQ(CanonicalQuery({{"b", "x y"}, {"a", ""}, {"B", "1"}}), "B=1&a=&b=x%20y");
}

}  // namespace
}  // namespace holdfast
