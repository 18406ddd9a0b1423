// SPDX-License-Identifier: Apache-2.0
#include "s3/signature.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "base/hex.h"
#include "base/http_url.h"
#include "model/digest.h"

namespace holdfast {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

using Key = std::array<unsigned char, EVP_MAX_MD_SIZE>;
struct Mac {
  Key bytes{};
  unsigned length = 0;
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), length}; }
};

Mac Hmac(std::string_view key, std::string_view text) {
  Mac mac;
  ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.bytes.data(),
         &mac.length);
  return mac;
}

// Without blanks around, and with one in place of several.
std::string SingleBlanks(std::string_view value) {
  std::string trimmed;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t';
    if (blank && (trimmed.empty() || trimmed.back() == ' ')) continue;
    trimmed += blank ? ' ' : c;
  }
  if (trimmed.ends_with(' ')) trimmed.pop_back();
  return trimmed;
}

}  // namespace

std::string PayloadHash(std::string_view body) {
  return Sha256({reinterpret_cast<const std::uint8_t*>(body.data()), body.size()});
}

std::string CanonicalQuery(std::vector<std::pair<std::string, std::string>> query) {
  for (auto& [name, value] : query) {
    name = PercentEncode(name);
    value = PercentEncode(value);
  }
  std::ranges::sort(query);
  std::string text;
  for (const auto& [name, value] : query) {
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, value);
  }
  return text;
}

std::map<std::string, std::string> Sign(const SignedRequest& request,
                                        const AwsCredentials& credentials, std::string_view region,
                                        std::string_view service, WallTime now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const std::string time = fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(seconds));
  const std::string day = time.substr(0, 8);
  std::map<std::string, std::string> headers = request.headers;
  headers["x-amz-date"] = time;
  if (service == "s3") headers["x-amz-content-sha256"] = request.payload_hash;
  if (!credentials.session_token.empty()) {
    headers["x-amz-security-token"] = credentials.session_token;
  }
  std::string canonical_headers;
  std::string names;
  for (const auto& [name, value] : headers) {
    canonical_headers += fmt::format("{}:{}\n", name, SingleBlanks(value));
    names += (names.empty() ? "" : ";") + name;
  }
  const std::string canonical =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, request.path,
                  CanonicalQuery(request.query), canonical_headers, names, request.payload_hash);
  const std::string scope = fmt::format("{}/{}/{}/aws4_request", day, region, service);
  const std::string to_sign =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, scope, PayloadHash(canonical));
  Mac key = Hmac("AWS4" + credentials.secret_key, day);
  for (const std::string_view step : {region, service, std::string_view("aws4_request")}) {
    key = Hmac(key.view(), step);
  }
  const Mac signature = Hmac(key.view(), to_sign);
  headers["authorization"] = fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}",
                                         kAlgorithm, credentials.access_key, scope, names,
                                         ToHex({signature.bytes.data(), signature.length}));
  return headers;
}

}  // namespace holdfast
