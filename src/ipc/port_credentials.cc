// SPDX-License-Identifier: Apache-2.0
#include "ipc/port_credentials.h"

#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "base/bytes.h"
#include "model/text_file.h"

namespace holdfast {
namespace {

// A bundle of all public CAs has a quarter of it, the most keys there may be have most of it.
constexpr std::size_t kFileBytesMax = MiB(1);

}  // namespace

const std::vector<PortCredential>& PortCredentialTable() {
  static const std::vector<PortCredential> table{
      {&PortCredentials::certificate, "certificate", "--tls-certificate"},
      {&PortCredentials::key, "key", "--tls-key"},
      {&PortCredentials::client_ca, "client_ca", "--tls-client-ca"},
      {&PortCredentials::api_keys, "api_keys", "--api-keys"}};
  return table;
}

Result<PortCredentials> ReadPortCredentials(const PortCredentials& files) {
  PortCredentials contents;
  for (const PortCredential& one : PortCredentialTable()) {
    const std::string& file = files.*one.member;
    if (file.empty()) continue;
    Result<std::string> text = ReadTextFile(file, kFileBytesMax);
    if (!text) {
      return Error{text.error().reason,
                   fmt::format("{}: {} {}; check the path, and that the server's user may read it",
                               one.flag, file, text.error().message)};
    }
    contents.*one.member = *std::move(text);
  }
  return contents;
}

std::string EncodePortCredentials(const PortCredentials& contents) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.StartObject();
  for (const PortCredential& one : PortCredentialTable()) {
    const std::string& text = contents.*one.member;
    writer.Key(one.name.data(), static_cast<rapidjson::SizeType>(one.name.size()));
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  }
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<PortCredentials> DecodePortCredentials(std::string_view json) {
  const Error malformed{Reason::kInternal, "port credentials: not as ours are"};
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) return malformed;
  PortCredentials contents;
  for (const PortCredential& one : PortCredentialTable()) {
    const auto member = document.FindMember(std::string(one.name).c_str());
    if (member == document.MemberEnd() || !member->value.IsString()) return malformed;
    contents.*one.member = {member->value.GetString(), member->value.GetStringLength()};
  }
  return contents;
}

}  // namespace holdfast
