// SPDX-License-Identifier: Apache-2.0
#include "s3/credentials.h"

#include <fmt/format.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <iterator>
#include <pugixml.hpp>

#include "base/http_url.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

using Found = Result<std::optional<AwsCredentials>>;

// Before they end: a request that is on its way must not outlive them.
constexpr auto kRenewal = std::chrono::minutes(15);
constexpr auto kMandatoryRenewal = std::chrono::minutes(5);
constexpr std::chrono::milliseconds kContainerTimeout{2'000};
constexpr std::chrono::milliseconds kMetadataTimeout{1'000};
constexpr std::chrono::milliseconds kStsTimeout{10'000};
constexpr int kContainerTries = 3;
constexpr std::size_t kTokenBytesMax = 65'536;

std::string Trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  text.remove_prefix(begin);
  return std::string(text.substr(0, text.find_last_not_of(" \t\r\n") + 1));
}

Result<std::string> ReadToken(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return Error{Reason::kUnauthenticated, file.string() + " cannot be read"};
  std::string text(std::istreambuf_iterator<char>(stream), {});
  text = Trimmed(text.substr(0, kTokenBytesMax));
  if (text.find_first_of("\r\n") != std::string::npos) {
    return Error{Reason::kUnauthenticated, file.string() + " holds more than a token"};
  }
  return text;
}

// Where credentials may go over plain HTTP: never off the host.
bool IsLocal(const std::string& host) {
  static constexpr std::array<std::string_view, 6> kLocal{
      "localhost", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23", "169.254.169.254"};
  return host.starts_with("127.") || std::ranges::find(kLocal, host) != kLocal.end();
}

// What the container's and the instance's endpoints answer.
Result<AwsCredentials> FromJson(const std::string& text, const std::string& place) {
  rapidjson::Document json;
  json.Parse(text.data(), text.size());
  const auto member = [&json](const char* name) -> std::string {
    const bool has = json.IsObject() && json.HasMember(name) && json[name].IsString();
    return has ? std::string(json[name].GetString(), json[name].GetStringLength()) : "";
  };
  AwsCredentials credentials{.access_key = member("AccessKeyId"),
                             .secret_key = member("SecretAccessKey"),
                             .session_token = member("Token"),
                             .expires = ParseAwsTime(member("Expiration"))};
  if (credentials.access_key.empty() || credentials.secret_key.empty()) {
    return Error{Reason::kUnauthenticated, place + " answers without credentials"};
  }
  return credentials;
}

}  // namespace

std::string VariableOf(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

std::optional<WallTime> ParseAwsTime(const std::string& text) {
  std::tm parts{};
  const char* const end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr || (*end != 'Z' && *end != '.' && *end != '+')) return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::map<std::string, std::string> ReadAwsProfile(const fs::path& file,
                                                  const std::string& profile) {
  std::map<std::string, std::string> values;
  std::ifstream stream(file);
  bool ours = false;
  for (std::string line; std::getline(stream, line);) {
    line = Trimmed(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[' && line.back() == ']') {
      std::string name = Trimmed(line.substr(1, line.size() - 2));
      if (name.starts_with("profile ")) name = Trimmed(name.substr(8));
      ours = name == profile;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (ours && equals != std::string::npos) {
      values[Trimmed(line.substr(0, equals))] = Trimmed(line.substr(equals + 1));
    }
  }
  return values;
}

namespace {

fs::path SharedFile(const Environment& environment, const char* variable, const char* name) {
  const std::string given = VariableOf(environment, variable);
  if (!given.empty()) return given;
  return fs::path(VariableOf(environment, "HOME")) / ".aws" / name;
}

std::string ProfileName(const Environment& environment) {
  const std::string given = VariableOf(environment, "AWS_PROFILE");
  return given.empty() ? "default" : given;
}

std::map<std::string, std::string> SharedProfile(const Environment& environment) {
  const std::string profile = ProfileName(environment);
  auto values = ReadAwsProfile(
      SharedFile(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials"), profile);
  values.merge(ReadAwsProfile(SharedFile(environment, "AWS_CONFIG_FILE", "config"), profile));
  return values;
}

}  // namespace

std::string FindRegion(const Environment& environment) {
  for (const char* variable : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (std::string region = VariableOf(environment, variable); !region.empty()) return region;
  }
  auto profile = SharedProfile(environment);
  return profile["region"];
}

CredentialChain::CredentialChain(const Environment& environment, Transport& transport,
                                 std::string region)
    : environment_(environment), transport_(transport), region_(std::move(region)) {}

Result<AwsCredentials> CredentialChain::Get(WallTime now) {
  const auto lasts = [&](auto margin) {
    return current_ && (!current_->expires || *current_->expires - now > margin);
  };
  if (lasts(kRenewal)) return *current_;
  Result<AwsCredentials> found = Find();
  // The old ones are good for some minutes yet.
  if (!found && lasts(kMandatoryRenewal)) return *current_;
  if (found) current_ = *found;
  return found;
}

Result<AwsCredentials> CredentialChain::Find() {
  // A profile that somebody names is meant, whatever the variables say.
  if (Variable("AWS_PROFILE").empty()) {
    if (const auto found = TRY(FromVariables())) return *found;
  }
  if (const auto found = TRY(FromWebIdentity())) return *found;
  if (const auto found = TRY(FromProfile())) return *found;
  if (const auto found = TRY(FromContainer())) return *found;
  if (const auto found = TRY(FromInstance())) return *found;
  return Error{Reason::kUnauthenticated,
               "no AWS credentials: neither AWS_ACCESS_KEY_ID nor a web identity, a profile, a "
               "container's or an instance's role gives any"};
}

Found CredentialChain::FromVariables() const {
  const std::string key = Variable("AWS_ACCESS_KEY_ID");
  const std::string secret = Variable("AWS_SECRET_ACCESS_KEY");
  if (key.empty() || secret.empty()) return std::optional<AwsCredentials>();
  return std::optional(AwsCredentials{.access_key = key,
                                      .secret_key = secret,
                                      .session_token = Variable("AWS_SESSION_TOKEN"),
                                      .expires = {}});
}

Found CredentialChain::FromProfile() const {
  auto values = SharedProfile(environment_);
  if (values["aws_access_key_id"].empty() || values["aws_secret_access_key"].empty()) {
    if (Variable("AWS_PROFILE").empty()) return std::optional<AwsCredentials>();
    return Error{Reason::kUnauthenticated, "AWS_PROFILE names " + ProfileName(environment_) +
                                               ", which has no keys of its own"};
  }
  return std::optional(AwsCredentials{.access_key = values["aws_access_key_id"],
                                      .secret_key = values["aws_secret_access_key"],
                                      .session_token = values["aws_session_token"],
                                      .expires = {}});
}

Found CredentialChain::FromWebIdentity() {
  const std::string file = Variable("AWS_WEB_IDENTITY_TOKEN_FILE");
  const std::string role = Variable("AWS_ROLE_ARN");
  if (file.empty() || role.empty()) return std::optional<AwsCredentials>();
  const std::string token = TRY(ReadToken(file));
  std::string session = Variable("AWS_ROLE_SESSION_NAME");
  if (session.empty()) session = "holdfast";
  std::string endpoint = Variable("AWS_ENDPOINT_URL_STS");
  if (endpoint.empty()) {
    endpoint = fmt::format("https://sts.{}.amazonaws.com{}/", region_,
                           region_.starts_with("cn-") ? ".cn" : "");
  }
  TransportRequest request{.method = "POST", .url = endpoint, .timeout = kStsTimeout};
  request.headers["content-type"] = "application/x-www-form-urlencoded";
  request.body = fmt::format(
      "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName={}"
      "&WebIdentityToken={}",
      PercentEncode(role), PercentEncode(session), PercentEncode(token));
  const TransportReply reply = TRY(transport_.Send(request));
  pugi::xml_document xml;
  xml.load_string(reply.body.c_str());
  const auto found = xml.select_node("//*[local-name()='Credentials']").node();
  if (reply.status != 200 || !found) {
    const auto code = xml.select_node("//*[local-name()='Code']").node();
    return Error{Reason::kUnauthenticated, fmt::format("STS does not give the role {}: {} {}", role,
                                                       reply.status, code.text().as_string())};
  }
  return std::optional(
      AwsCredentials{.access_key = found.child("AccessKeyId").text().as_string(),
                     .secret_key = found.child("SecretAccessKey").text().as_string(),
                     .session_token = found.child("SessionToken").text().as_string(),
                     .expires = ParseAwsTime(found.child("Expiration").text().as_string())});
}

Found CredentialChain::FromContainer() {
  const std::string relative = Variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  std::string url = Variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!relative.empty()) url = "http://169.254.170.2" + relative;
  if (url.empty()) return std::optional<AwsCredentials>();
  if (!url.starts_with("https://")) {
    const HttpUrl place = TRY(ParseHttpUrl(url));
    if (!IsLocal(place.host)) {
      return Error{Reason::kUnauthenticated,
                   "AWS_CONTAINER_CREDENTIALS_FULL_URI leads off this host without TLS"};
    }
  }
  TransportRequest request{.url = url, .timeout = kContainerTimeout};
  std::string token = Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (const std::string file = Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) {
    token = TRY(ReadToken(file));
  }
  if (token.find_first_of("\r\n") != std::string::npos) {
    return Error{Reason::kUnauthenticated, "AWS_CONTAINER_AUTHORIZATION_TOKEN has two lines"};
  }
  if (!token.empty()) request.headers["authorization"] = token;
  Error failure{Reason::kUnavailable, "the container's endpoint for credentials does not answer"};
  for (int i = 0; i < kContainerTries; ++i) {
    const Result<TransportReply> reply = transport_.Send(request);
    if (reply && reply->status == 200) {
      return std::optional(TRY(FromJson(reply->body, "the container's endpoint")));
    }
    failure.message =
        reply ? fmt::format("the container's endpoint for credentials answers {}", reply->status)
              : reply.error().message;
    if (reply && reply->status < 500) break;
  }
  return failure;
}

Result<std::string> CredentialChain::AskMetadata(const std::string& url, const std::string& token) {
  TransportRequest request{
      .url = url, .connect_timeout = kMetadataTimeout, .timeout = kMetadataTimeout};
  request.headers["x-aws-ec2-metadata-token"] = token;
  const TransportReply reply = TRY(transport_.Send(request));
  if (reply.status == 200) return Trimmed(reply.body);
  return Error{Reason::kUnauthenticated,
               fmt::format("the instance's metadata answers {}", reply.status)};
}

Found CredentialChain::FromInstance() {
  if (Variable("AWS_EC2_METADATA_DISABLED") == "true") return std::optional<AwsCredentials>();
  std::string endpoint = Variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  const bool given = !endpoint.empty();
  if (!given) endpoint = "http://169.254.169.254";
  if (endpoint.ends_with('/')) endpoint.pop_back();
  TransportRequest request{.method = "PUT",
                           .url = endpoint + "/latest/api/token",
                           .connect_timeout = kMetadataTimeout,
                           .timeout = kMetadataTimeout};
  request.headers["x-aws-ec2-metadata-token-ttl-seconds"] = "21600";
  const Result<TransportReply> token = transport_.Send(request);
  // Not on EC2, or out of its reach: nobody else is left to ask.
  if (!token && !given) return std::optional<AwsCredentials>();
  if (!token) return token.error();
  if (token->status != 200) {
    return Error{Reason::kUnauthenticated,
                 fmt::format("the instance's metadata gives no token: {}", token->status)};
  }
  const std::string roles = endpoint + "/latest/meta-data/iam/security-credentials/";
  const std::string role = TRY(AskMetadata(roles, token->body));
  const std::string json = TRY(AskMetadata(roles + role, token->body));
  return std::optional(TRY(FromJson(json, "the instance's metadata")));
}

}  // namespace holdfast
