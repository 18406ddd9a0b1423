// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3/credentials.h"

namespace holdfast {

// What is signed of a request.
struct SignedRequest {
  std::string method = "GET";
  std::string path = "/";                                  // As it is sent: percent-encoded once.
  std::vector<std::pair<std::string, std::string>> query;  // Not encoded.
  std::map<std::string, std::string> headers;              // Lower-case names; with `host`.
  std::string payload_hash;                                // See PayloadHash().
};

// AWS Signature Version 4: the request's headers, and the ones that a signature adds. S3 wants its
// payload's hash among them (`x-amz-content-sha256`), other services do not.
std::map<std::string, std::string> Sign(const SignedRequest& request,
                                        const AwsCredentials& credentials, std::string_view region,
                                        std::string_view service, WallTime now);

// SHA-256 of a body, in hexadecimal digits.
std::string PayloadHash(std::string_view body);

// "a=1&b=x%20y", sorted as a signature wants it.
std::string CanonicalQuery(std::vector<std::pair<std::string, std::string>> query);

}  // namespace holdfast
