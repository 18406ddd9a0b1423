// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "s3/transport.h"

namespace holdfast {

using WallTime = std::chrono::system_clock::time_point;

// What AWS's requests are signed with.
struct AwsCredentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;        // Empty: they are lasting ones.
  std::optional<WallTime> expires;  // Nothing: never.
};

using Environment = std::map<std::string, std::string>;
// Empty where it is not set.
std::string VariableOf(const Environment& environment, const char* name);

// Where credentials come from, the first that has some: AWS_ACCESS_KEY_ID and its companions; a web
// identity (EKS service accounts); the shared files' profile with static keys; the container's
// endpoint (ECS, EKS Pod Identity); the instance's metadata, version 2 only. As AWS's SDKs, without
// assumed roles, SSO and credential processes. Renewed a quarter of an hour before they end.
class CredentialChain {
 public:
  // `environment` must outlive it. `region` is where AWS's STS is asked.
  CredentialChain(const Environment& environment, Transport& transport, std::string region);

  // kUnauthenticated: nobody has any, with what was tried; kUnavailable: who should have some does
  // not answer.
  Result<AwsCredentials> Get(WallTime now);
  // AWS has refused the ones given last.
  void Forget() { current_.reset(); }

 private:
  Result<AwsCredentials> Find();
  std::string Variable(const char* name) const { return VariableOf(environment_, name); }
  Result<std::optional<AwsCredentials>> FromVariables() const;
  Result<std::optional<AwsCredentials>> FromWebIdentity();
  Result<std::optional<AwsCredentials>> FromProfile() const;
  Result<std::optional<AwsCredentials>> FromContainer();
  Result<std::optional<AwsCredentials>> FromInstance();
  Result<std::string> AskMetadata(const std::string& url, const std::string& token);

  const Environment& environment_;
  Transport& transport_;
  std::string region_;
  std::optional<AwsCredentials> current_;
};

// A profile's keys in a file of AWS's form: "[name]" or "[profile name]", "key = value".
std::map<std::string, std::string> ReadAwsProfile(const std::filesystem::path& file,
                                                  const std::string& profile);

// The region by environment and shared configuration; empty: none is named.
std::string FindRegion(const Environment& environment);

// "2026-11-24T05:00:00Z"; nothing for anything else.
std::optional<WallTime> ParseAwsTime(const std::string& text);

}  // namespace holdfast
