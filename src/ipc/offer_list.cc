// SPDX-License-Identifier: Apache-2.0
#include "ipc/offer_list.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace holdfast {
namespace {

const Error kMalformedOffers{Reason::kBadRequest, "offer list: not as ours are"};

Result<Offer> DecodeOffer(const rapidjson::Value& entry) {
  if (!entry.IsObject()) return kMalformedOffers;
  for (const char* key : {"version", "fingerprint", "bytes"}) {
    const auto member = entry.FindMember(key);
    if (member == entry.MemberEnd() || !member->value.IsUint64()) return kMalformedOffers;
  }
  for (const char* key : {"name", "folder"}) {
    const auto member = entry.FindMember(key);
    if (member == entry.MemberEnd() || !member->value.IsString()) return kMalformedOffers;
  }
  if (!entry["version"].IsInt64()) return kMalformedOffers;
  return Offer{.key = {entry["name"].GetString(), entry["version"].GetInt64()},
               .folder = entry["folder"].GetString(),
               .fingerprint = entry["fingerprint"].GetUint64(),
               .bytes = entry["bytes"].GetUint64()};
}

}  // namespace

std::string EncodeOffers(const std::vector<Offer>& offers) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.StartArray();
  for (const Offer& offer : offers) {
    writer.StartObject();
    writer.Key("name");
    writer.String(offer.key.name.c_str());
    writer.Key("version");
    writer.Int64(offer.key.version);
    writer.Key("folder");
    writer.String(offer.folder.c_str());
    writer.Key("fingerprint");
    writer.Uint64(offer.fingerprint);
    writer.Key("bytes");
    writer.Uint64(offer.bytes);
    writer.EndObject();
  }
  writer.EndArray();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<std::vector<Offer>> DecodeOffers(std::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError() || !document.IsArray()) return kMalformedOffers;
  std::vector<Offer> offers;
  for (const rapidjson::Value& entry : document.GetArray())
    offers.push_back(TRY(DecodeOffer(entry)));
  return offers;
}

}  // namespace holdfast
