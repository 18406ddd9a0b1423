// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "s3/credentials.h"
#include "s3/transport.h"

namespace holdfast {

// "s3://bucket/some/prefix".
struct S3Url {
  std::string bucket;
  std::string prefix;  // Without slashes around; empty: the bucket's root.
  bool operator==(const S3Url&) const = default;
};
// kUsage with what is wrong.
Result<S3Url> ParseS3Url(std::string_view text);

// What a listing says of an object.
struct S3Object {
  std::string key;
  std::uint64_t bytes = 0;
  std::string etag;  // With its quotes.
  bool operator==(const S3Object&) const = default;
};

// One bucket, read only. Failures that may pass (500, 502, 503, 504, 429, broken connections) are
// tried again with growing, random pauses; refusals (403, 404) are not. Blocks.
class Bucket {
 public:
  struct Clock {
    std::function<WallTime()> now;
    std::function<void(std::chrono::milliseconds)> sleep;
  };
  // Endpoint and region from AWS's variables: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION,
  // AWS_DEFAULT_REGION, the shared configuration. `environment` and `transport` must outlive it.
  Bucket(std::string name, const Environment& environment, Transport& transport, Clock clock);

  // Everything whose key begins with `prefix`; kBadModel beyond 20,000 objects.
  Result<std::vector<S3Object>> List(const std::string& prefix);

  // Brings an object into `file`, in one piece: what is half there goes on where it broke off, if
  // the object is still the same one. Its sum is checked where S3 has one for the whole of it.
  // kNotFound: it is another one, or gone.
  Status Fetch(const S3Object& object, const std::filesystem::path& file);

  std::uint64_t bytes_received() const { return bytes_received_; }

 private:
  struct Call {
    std::string method = "GET";
    std::string key;  // Empty: the bucket itself.
    std::vector<std::pair<std::string, std::string>> query;
    std::map<std::string, std::string> headers;
    std::function<bool(ByteView)> sink;
  };
  struct Part;
  Result<TransportReply> Send(const Call& call);
  Result<TransportReply> SendOnce(const Call& call);
  bool LearnRegion(const TransportReply& reply);
  Error Refusal(const TransportReply& reply, const std::string& what) const;
  Result<bool> FetchOnce(const S3Object& object, Part& part);
  void Pause(int attempt);

  std::string name_;
  const Environment& environment_;
  Transport& transport_;
  Clock clock_;
  std::string region_;
  CredentialChain credentials_;
  std::minstd_rand random_;
  std::uint64_t bytes_received_ = 0;
};

}  // namespace holdfast
