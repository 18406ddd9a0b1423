// SPDX-License-Identifier: Apache-2.0
#include "s3/bucket.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "testing/temp_dir.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

class BucketTest : public testing::Test, private Transport {
 protected:
  Bucket Make(const std::string& name = "models") {
    return {name,
            environment_,
            *this,
            {.now = [] { return WallTime(); },
             .sleep = [this](milliseconds time) { pauses_.push_back(time); }}};
  }
  void Answer(int status, std::string body = {}, std::map<std::string, std::string> headers = {}) {
    replies_.push_back(
        {.status = status, .headers = std::move(headers), .body = std::move(body), .broken = {}});
  }
  static std::string Listing(const std::string& keys, const std::string& more = {}) {
    return R"(<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)" +
           keys + more + "</ListBucketResult>";
  }
  static std::string Entry(const std::string& key) {
    return "<Contents><Key>" + key + "</Key><ETag>&quot;e&quot;</ETag><Size>7</Size></Contents>";
  }

  Environment environment_{{"AWS_ACCESS_KEY_ID", "key"},
                           {"AWS_SECRET_ACCESS_KEY", "secret"},
                           {"AWS_REGION", "eu-west-1"}};
  std::vector<std::string> urls_;
  std::vector<milliseconds> pauses_;
  TempDir folder_;

 private:
  Result<TransportReply> Send(const TransportRequest& request) override {
    urls_.push_back(request.url);
    if (replies_.empty()) return Error{Reason::kUnavailable, "nobody is there"};
    TransportReply reply = std::move(replies_.front());
    replies_.pop_front();
    if (request.sink && reply.status / 100 == 2) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(reply.body.data());
      request.sink({bytes, reply.body.size()});
    }
    return reply;
  }
  std::deque<TransportReply> replies_;
};

TEST_F(BucketTest, IsFoundByItsNameInTheRegion) {
  Answer(200, Listing(""));
  EXPECT_TRUE(Make().List("prod/"));
  EXPECT_EQ(urls_[0], "https://models.s3.eu-west-1.amazonaws.com/?list-type=2&prefix=prod%2F");
  Answer(200, Listing(""));
  EXPECT_TRUE(Make("with.dots").List(""));
  EXPECT_EQ(urls_[1], "https://s3.eu-west-1.amazonaws.com/with.dots/?list-type=2&prefix=");
  environment_["AWS_REGION"] = "cn-north-1";
  Answer(200, Listing(""));
  EXPECT_TRUE(Make().List(""));
  EXPECT_EQ(urls_[2], "https://models.s3.cn-north-1.amazonaws.com.cn/?list-type=2&prefix=");
  environment_["AWS_ENDPOINT_URL"] = "http://localhost:9000/base/";
  Answer(200, Listing(""));
  EXPECT_TRUE(Make().List(""));
  EXPECT_EQ(urls_[3], "http://localhost:9000/base/models/?list-type=2&prefix=");
}

TEST_F(BucketTest, ListsAllPages) {
  Answer(200, Listing(Entry("a"), "<NextContinuationToken>x y</NextContinuationToken>"));
  Answer(200, Listing(Entry("b&amp;c")));
  const auto objects = Make().List("");
  ASSERT_TRUE(objects);
  EXPECT_EQ(*objects, (std::vector<S3Object>{{"a", 7, "\"e\""}, {"b&c", 7, "\"e\""}}));
  EXPECT_NE(urls_[1].find("continuation-token=x%20y"), std::string::npos);
}

TEST_F(BucketTest, DoesNotTakeAnErrorPageForAListing) {
  Answer(200, "<html>welcome to the airport's network</html>");
  EXPECT_FALSE(Make().List(""));
  Answer(200, "not even xml");
  EXPECT_FALSE(Make().List(""));
}

TEST_F(BucketTest, TriesAgainWithGrowingPauses) {
  for (int i = 0; i < 6; ++i) Answer(503, "<Error><Code>SlowDown</Code></Error>");
  const auto objects = Make().List("");
  ASSERT_FALSE(objects);
  EXPECT_EQ(objects.error().reason, Reason::kUnavailable);
  EXPECT_NE(objects.error().message.find("503 SlowDown"), std::string::npos);
  EXPECT_EQ(urls_.size(), 6U);
  ASSERT_EQ(pauses_.size(), 5U);
  for (std::size_t i = 0; i < pauses_.size(); ++i) {
    EXPECT_LE(pauses_[i], milliseconds(200 << i));
    EXPECT_GE(pauses_[i], milliseconds(20 << i));
  }
}

TEST_F(BucketTest, RenewsCredentialsOnceWhereTheyHaveExpired) {
  Answer(400, "<Error><Code>ExpiredToken</Code></Error>");
  Answer(200, Listing(""));
  EXPECT_TRUE(Make().List(""));
  Answer(400, "<Error><Code>ExpiredToken</Code></Error>");
  Answer(400, "<Error><Code>ExpiredToken</Code></Error>");
  EXPECT_FALSE(Make().List(""));
  EXPECT_EQ(urls_.size(), 4U);
}

TEST_F(BucketTest, TakesNoMoreThanWasListed) {
  Answer(200, "12345678");
  Answer(200, "12345678");
  const auto file = folder_.path() / "file";
  for (int i = 0; i < 10; ++i) Answer(200, "12345678");
  EXPECT_FALSE(Make().Fetch({"key", 7, "\"e\""}, file));
}

TEST_F(BucketTest, SaysThatAnObjectIsAnotherOne) {
  Answer(412, "<Error><Code>PreconditionFailed</Code></Error>");
  const Status fetched = Make().Fetch({"key", 7, "\"e\""}, folder_.path() / "file");
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().reason, Reason::kNotFound);
}

TEST_F(BucketTest, FetchesNothingAtAll) {
  EXPECT_TRUE(Make().Fetch({"empty", 0, "\"e\""}, folder_.path() / "empty"));
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "empty"));
}

TEST(S3UrlTest, HasABucketAndAPrefix) {
  EXPECT_EQ(ParseS3Url("s3://some-bucket").value(), (S3Url{"some-bucket", ""}));
  EXPECT_EQ(ParseS3Url("s3://some.bucket/a/b//").value(), (S3Url{"some.bucket", "a/b"}));
  for (const char* text : {"s3://", "s3:///a", "s3://ab/c", "s3://Some/a", "s3://a_b_c", "/models",
                           "https://some-bucket/a"}) {
    const auto url = ParseS3Url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().reason, Reason::kUsage);
  }
}

}  // namespace
}  // namespace holdfast
