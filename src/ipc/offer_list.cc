// SPDX-License-Identifier: Apache-2.0
#include "ipc/offer_list.h"

#include "ipc/json_fields.h"

namespace holdfast {
namespace {

const Error kMalformedOffers{Reason::kBadRequest, "offer list: not as ours are"};

Result<Offer> DecodeOffer(const rapidjson::Value& entry) {
  const auto name = TextField(entry, "name");
  const auto folder = TextField(entry, "folder");
  const auto version = NumberField<std::int64_t>(entry, "version");
  const auto fingerprint = NumberField(entry, "fingerprint");
  const auto bytes = NumberField(entry, "bytes");
  if (!name || !folder || !version || !fingerprint || !bytes) return kMalformedOffers;
  return Offer{
      .key = {*name, *version}, .folder = *folder, .fingerprint = *fingerprint, .bytes = *bytes};
}

Result<ModelRules> DecodeRules(const rapidjson::Value& members) {
  if (!members.IsObject()) return kMalformedOffers;
  ModelRules rules;
  for (const auto& member : members.GetObject()) {
    auto rule = ReadRule(member.value);
    if (!rule) return kMalformedOffers;
    rules[std::string(member.name.GetString(), member.name.GetStringLength())] = *std::move(rule);
  }
  return rules;
}

}  // namespace

std::string EncodeOffering(const Offering& offering) {
  JsonBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  writer.Key("offers");
  writer.StartArray();
  for (const Offer& offer : offering.offers) {
    writer.StartObject();
    WriteText(writer, "name", offer.key.name);
    writer.Key("version");
    writer.Int64(offer.key.version);
    WriteText(writer, "folder", offer.folder.native());
    writer.Key("fingerprint");
    writer.Uint64(offer.fingerprint);
    writer.Key("bytes");
    writer.Uint64(offer.bytes);
    writer.EndObject();
  }
  writer.EndArray();
  if (offering.rules.has_value()) {
    writer.Key("rules");
    writer.StartObject();
    for (const auto& [model, rule] : *offering.rules) {
      writer.Key(model.data(), static_cast<rapidjson::SizeType>(model.size()));
      writer.StartObject();
      WriteRule(writer, rule);
      writer.EndObject();
    }
    writer.EndObject();
  }
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<Offering> DecodeOffering(std::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError()) return kMalformedOffers;
  const rapidjson::Value* const offers = ArrayField(document, "offers");
  if (offers == nullptr) return kMalformedOffers;
  Offering offering;
  for (const rapidjson::Value& entry : offers->GetArray()) {
    offering.offers.push_back(TRY(DecodeOffer(entry)));
  }
  if (const rapidjson::Value* const rules = FieldOf(document, "rules")) {
    offering.rules = TRY(DecodeRules(*rules));
  }
  return offering;
}

}  // namespace holdfast
