// SPDX-License-Identifier: Apache-2.0
#include "s3/bucket.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <pugixml.hpp>
#include <system_error>

#include "base/http_url.h"
#include "s3/checksum.h"
#include "s3/signature.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::string_view kScheme = "s3://";
constexpr std::string_view kUnsigned = "UNSIGNED-PAYLOAD";
constexpr std::size_t kObjectsMax = 20'000;
constexpr int kAttempts = 6;
constexpr milliseconds kFirstPause{200};
constexpr milliseconds kLongestPause{10'000};
constexpr int kWholeAttempts = 2;  // With a wrong sum.
constexpr const char* kDefaultRegion = "us-east-1";

bool MayPass(int status) {
  static constexpr std::array kPassing{429, 500, 502, 503, 504};
  return std::ranges::find(kPassing, status) != kPassing.end();
}

std::string HeaderOf(const TransportReply& reply, const std::string& name) {
  const auto found = reply.headers.find(name);
  return found == reply.headers.end() ? "" : found->second;
}

void MakeEmpty(const fs::path& file) { const std::ofstream stream(file, std::ios::binary); }

std::string TextOf(const pugi::xml_node& node, const char* name) {
  return node.child(name).text().as_string();
}

}  // namespace

Result<S3Url> ParseS3Url(std::string_view text) {
  const auto malformed = [text](std::string_view why) {
    return Error{Reason::kUsage, fmt::format("\"{}\" is no place in S3: {}; try "
                                             "s3://bucket/folder",
                                             text.substr(0, 128), why)};
  };
  if (!text.starts_with(kScheme)) return malformed("it does not begin with s3://");
  std::string_view rest = text.substr(kScheme.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  S3Url url{.bucket = std::string(rest.substr(0, slash)), .prefix = {}};
  const bool fits = std::ranges::all_of(url.bucket, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
  if (url.bucket.size() < 3 || url.bucket.size() > 63 || !fits) {
    return malformed("a bucket's name has 3 to 63 of a-z, 0-9, '-' and '.'");
  }
  rest.remove_prefix(std::min(slash + 1, rest.size()));
  while (rest.ends_with('/')) rest.remove_suffix(1);
  while (rest.starts_with('/')) rest.remove_prefix(1);
  if (rest.size() > 1'000) return malformed("a key has at most 1024 bytes");
  url.prefix = rest;
  return url;
}

Bucket::Bucket(std::string name, const Environment& environment, Transport& transport, Clock clock)
    : name_(std::move(name)),
      environment_(environment),
      transport_(transport),
      clock_(std::move(clock)),
      region_(FindRegion(environment)),
      credentials_(environment, transport, region_.empty() ? kDefaultRegion : region_),
      random_(std::random_device{}()) {
  if (region_.empty()) region_ = kDefaultRegion;
}

// Exponential, anywhere between nothing and the full time, so that many servers do not come back
// together.
void Bucket::Pause(int attempt) {
  const milliseconds most = std::min(kFirstPause * (1 << attempt), kLongestPause);
  clock_.sleep(milliseconds(
      std::uniform_int_distribution<std::int64_t>(most.count() / 10, most.count())(random_)));
}

Result<TransportReply> Bucket::SendOnce(const Call& call) {
  const AwsCredentials credentials = TRY(credentials_.Get(clock_.now()));
  std::string endpoint = VariableOf(environment_, "AWS_ENDPOINT_URL_S3");
  if (endpoint.empty()) endpoint = VariableOf(environment_, "AWS_ENDPOINT_URL");
  const bool own_endpoint = !endpoint.empty();
  if (!own_endpoint) {
    const char* const suffix = region_.starts_with("cn-") ? ".cn" : "";
    endpoint = fmt::format("https://s3.{}.amazonaws.com{}", region_, suffix);
  }
  while (endpoint.ends_with('/')) endpoint.pop_back();
  const std::size_t scheme = endpoint.find("://");
  if (scheme == std::string::npos) {
    return Error{Reason::kUsage, "AWS_ENDPOINT_URL is no URL: " + endpoint};
  }
  // A dot in a bucket's name does not fit into a certificate; other endpoints may not know names.
  const bool in_path = own_endpoint || name_.find('.') != std::string::npos;
  std::string host = endpoint.substr(scheme + 3);
  std::string base_path = host.find('/') == std::string::npos ? "" : host.substr(host.find('/'));
  host = host.substr(0, host.find('/'));
  if (!in_path) host = name_ + '.' + host;
  SignedRequest request{.method = call.method,
                        .path = base_path + (in_path ? '/' + name_ : "") + '/' +
                                PercentEncode(call.key, Slashes::kKeep),
                        .query = call.query,
                        .headers = call.headers,
                        .payload_hash = std::string(kUnsigned)};
  request.headers["host"] = host;
  if (endpoint.starts_with("http://")) request.payload_hash = PayloadHash("");
  const std::string query = CanonicalQuery(call.query);
  return transport_.Send({.method = call.method,
                          .url = endpoint.substr(0, scheme + 3) + host + request.path +
                                 (query.empty() ? "" : "?") + query,
                          .headers = Sign(request, credentials, region_, "s3", clock_.now()),
                          .sink = call.sink});
}

// A bucket of another region says which; the signature is made anew, for there.
bool Bucket::LearnRegion(const TransportReply& reply) {
  const std::string region = HeaderOf(reply, "x-amz-bucket-region");
  const bool moved = reply.status == 301 || reply.status == 307 || reply.status == 400;
  if (!moved || region.empty() || region == region_) return false;
  region_ = region;
  return true;
}

Error Bucket::Refusal(const TransportReply& reply, const std::string& what) const {
  pugi::xml_document xml;
  xml.load_string(reply.body.c_str());
  const auto error = xml.child("Error");
  std::string words = fmt::format("{}: S3 answers {}", what, reply.status);
  if (const std::string code = TextOf(error, "Code"); !code.empty()) words += ' ' + code;
  if (reply.status == 403) {
    words += "; the role needs s3:GetObject on these keys and s3:ListBucket on the bucket";
  }
  const Reason reason = reply.status == 404 || reply.status == 412   ? Reason::kNotFound
                        : reply.status == 403 || reply.status == 401 ? Reason::kUnauthenticated
                                                                     : Reason::kUnavailable;
  return {reason, words};
}

// The answer of an attempt that came through, whatever its status.
Result<TransportReply> Bucket::Send(const Call& call) {
  bool renewed = false;
  bool moved = false;
  for (int attempt = 0;; ++attempt) {
    Result<TransportReply> reply = SendOnce(call);
    const bool last = attempt + 1 >= kAttempts;
    if (!reply) {
      if (last || reply.error().reason != Reason::kUnavailable) return reply;
    } else if (!moved && LearnRegion(*reply)) {
      moved = true;
      continue;
    } else if (!renewed && (reply->status == 403 || reply->status == 400) &&
               reply->body.find("ExpiredToken") != std::string::npos) {
      renewed = true;
      credentials_.Forget();
      continue;
    } else if (last || !MayPass(reply->status)) {
      return reply;
    }
    Pause(attempt);
  }
}

Result<std::vector<S3Object>> Bucket::List(const std::string& prefix) {
  std::vector<S3Object> objects;
  std::string token;
  const std::string what = fmt::format("s3://{}/{}", name_, prefix);
  do {
    Call call{.query = {{"list-type", "2"}, {"prefix", prefix}}};
    if (!token.empty()) call.query.emplace_back("continuation-token", token);
    const TransportReply reply = TRY(Send(call));
    if (reply.status != 200) return Refusal(reply, what);
    pugi::xml_document xml;
    const auto parsed = xml.load_string(reply.body.c_str());
    const auto list = xml.child("ListBucketResult");
    if (!reply.broken.empty() || !parsed || !list) {
      return Error{Reason::kUnavailable, what + ": the listing cannot be read"};
    }
    for (const auto& entry : list.children("Contents")) {
      objects.push_back({.key = TextOf(entry, "Key"),
                         .bytes = entry.child("Size").text().as_ullong(),
                         .etag = TextOf(entry, "ETag")});
    }
    if (objects.size() > kObjectsMax) {
      return Error{Reason::kBadModel,
                   fmt::format("{}: more than {} objects; give a prefix that holds models alone",
                               what, kObjectsMax)};
    }
    token = TextOf(list, "NextContinuationToken");
  } while (!token.empty());
  return objects;
}

// What there is of a file by now.
struct Bucket::Part {
  fs::path file;
  std::uint64_t bytes = 0;
  std::optional<ExpectedChecksum> expected;  // Of the whole object, once S3 has told.
  bool failed_here = false;                  // The disk, not the network.
};

// True: it is whole. False: the connection broke; what came is kept.
Result<bool> Bucket::FetchOnce(const S3Object& object, Part& part) {
  Call call{.key = object.key};
  call.headers["if-match"] = object.etag;
  if (part.bytes > 0) {
    call.headers["range"] = fmt::format("bytes={}-", part.bytes);
  } else {
    call.headers["x-amz-checksum-mode"] = "ENABLED";
  }
  std::ofstream stream(part.file, std::ios::binary | std::ios::app);
  call.sink = [&](ByteView bytes) {
    const bool fits = part.bytes + bytes.size() <= object.bytes;
    if (fits) stream.write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    part.failed_here = !stream;
    if (!fits || !stream) return false;
    part.bytes += bytes.size();
    bytes_received_ += bytes.size();
    return true;
  };
  const std::string what = fmt::format("s3://{}/{}", name_, object.key);
  const std::uint64_t begin = part.bytes;
  const TransportReply reply = TRY(Send(call));
  stream.flush();
  if (begin > 0 && reply.status == 200) {  // It was not asked for the beginning.
    stream.close();
    MakeEmpty(part.file);
    part.bytes = 0;
    return false;
  }
  if (part.failed_here || !stream) {
    return Error{Reason::kInsufficientResources,
                 fmt::format("{} cannot be written: is the disk full?", part.file.string())};
  }
  if (reply.status != 200 && reply.status != 206) return Refusal(reply, what);
  if (reply.status == 200) part.expected = ChecksumIn(reply.headers);
  return part.bytes == object.bytes;
}

Status Bucket::Fetch(const S3Object& object, const fs::path& file) {
  const std::string what = fmt::format("s3://{}/{}", name_, object.key);
  std::error_code error;
  Part part{.file = file};
  for (int whole = 0; whole < kWholeAttempts; ++whole) {
    fs::remove(file, error);
    part.bytes = 0;
    MakeEmpty(part.file);  // Also one without bytes is there.
    for (int idle = 0; part.bytes < object.bytes;) {
      const std::uint64_t before = part.bytes;
      const bool done = TRY(FetchOnce(object, part));
      if (done) break;
      // One that comes on, however often it breaks, is not given up.
      idle = part.bytes > before ? 0 : idle + 1;
      if (idle >= kAttempts) {
        return Error{Reason::kUnavailable,
                     fmt::format("{}: it broke off at byte {} of {} again and again", what,
                                 part.bytes, object.bytes)};
      }
      Pause(idle);
    }
    if (!part.expected) return {};
    const auto sum = MakeChecksum(part.expected->algorithm);
    std::ifstream stream(file, std::ios::binary);
    std::vector<char> buffer(1 << 20);
    while (stream.read(buffer.data(), std::ssize(buffer)) || stream.gcount() > 0) {
      sum->Add({reinterpret_cast<const std::uint8_t*>(buffer.data()),
                static_cast<std::size_t>(stream.gcount())});
    }
    if (sum->Base64() == part.expected->base64) return {};
  }
  fs::remove(file, error);
  return Error{Reason::kUnavailable, fmt::format("{}: what came does not have the {} that S3 says",
                                                 what, part.expected->algorithm)};
}

}  // namespace holdfast
