// SPDX-License-Identifier: Apache-2.0
#include "ipc/description.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <limits>
#include <optional>
#include <string_view>

#include "base/hex.h"

namespace holdfast {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

std::optional<std::vector<std::uint8_t>> FromHex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  if (text.size() % 2 != 0) return std::nullopt;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::size_t high = kHexDigits.find(text[i]);
    const std::size_t low = kHexDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return bytes;
}

void Put(Writer& writer, const char* key, const std::string& text) {
  writer.Key(key);
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void Put(Writer& writer, const char* key, const std::vector<std::string>& texts) {
  writer.Key(key);
  writer.StartArray();
  for (const std::string& text : texts) {
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  }
  writer.EndArray();
}

void Put(Writer& writer, const char* key, const TensorSpec& spec) {
  writer.Key(key);
  writer.StartObject();
  Put(writer, "name", spec.name);
  Put(writer, "dtype", std::string(DTypeName(spec.dtype)));
  writer.Key("shape");
  writer.StartArray();
  for (const std::int64_t dim : spec.shape) writer.Int64(dim);
  writer.EndArray();
  writer.EndObject();
}

// Takes fields out of an object; the first that is missing or of another type spoils the rest.
class Fields {
 public:
  explicit Fields(const rapidjson::Value& object) : object_(object), good_(object.IsObject()) {}

  std::string Text(const char* key) {
    const rapidjson::Value* value = Find(key, &rapidjson::Value::IsString);
    return value == nullptr ? "" : std::string(value->GetString(), value->GetStringLength());
  }
  std::int64_t Number(const char* key) {
    const rapidjson::Value* value = Find(key, &rapidjson::Value::IsInt64);
    return value == nullptr ? 0 : value->GetInt64();
  }
  // From 0 to `max`.
  std::int64_t Count(const char* key, std::int64_t max = std::numeric_limits<std::int64_t>::max()) {
    const std::int64_t number = Number(key);
    good_ = good_ && number >= 0 && number <= max;
    return number;
  }
  std::vector<std::string> Texts(const char* key) {
    std::vector<std::string> texts;
    const rapidjson::Value* value = Find(key, &rapidjson::Value::IsArray);
    if (value == nullptr) return texts;
    for (const auto& entry : value->GetArray()) {
      good_ = good_ && entry.IsString();
      if (good_) texts.emplace_back(entry.GetString(), entry.GetStringLength());
    }
    return texts;
  }
  TensorSpec Spec(const char* key) {
    TensorSpec spec;
    const rapidjson::Value* value = Find(key, &rapidjson::Value::IsObject);
    if (value == nullptr) return spec;
    Fields fields(*value);
    spec.name = fields.Text("name");
    const auto dtype = DTypeFromName(fields.Text("dtype"));
    const rapidjson::Value* shape = fields.Find("shape", &rapidjson::Value::IsArray);
    good_ = good_ && fields.good_ && dtype.has_value();
    if (!good_) return spec;
    spec.dtype = *dtype;
    for (const auto& dim : shape->GetArray()) {
      good_ = good_ && dim.IsInt64();
      if (good_) spec.shape.push_back(dim.GetInt64());
    }
    return spec;
  }
  bool good() const { return good_; }

 private:
  const rapidjson::Value* Find(const char* key, bool (rapidjson::Value::*is)() const) {
    if (!good_) return nullptr;
    const auto member = object_.FindMember(key);
    good_ = member != object_.MemberEnd() && (member->value.*is)();
    return good_ ? &member->value : nullptr;
  }

  const rapidjson::Value& object_;
  bool good_;
};

}  // namespace

std::string EncodeDescription(const ServableDescription& description) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  Put(writer, "name", description.key.name);
  writer.Key("version");
  writer.Int64(description.key.version);
  Put(writer, "input", description.signature.input);
  Put(writer, "output", description.signature.output);
  writer.Key("probabilities");
  writer.Int64(description.output == OutputKind::kProbabilities ? 1 : 0);
  Put(writer, "labels", description.labels);
  Put(writer, "engine", description.engine);
  writer.Key("service_ns");
  writer.Int64(description.service.count());
  Put(writer, "tuning", description.tuning);
  Put(writer, "graph", description.graph);
  writer.Key("tuned_workers");
  writer.Int64(description.tuned_workers);
  writer.Key("load_ms");
  writer.Int64(static_cast<std::int64_t>(description.load_ms));
  writer.Key("golden_examples");
  writer.Int64(description.golden_examples);
  writer.Key("zygote_bytes");
  writer.Int64(static_cast<std::int64_t>(description.zygote_bytes));
  writer.Key("worker_bytes");
  writer.Int64(static_cast<std::int64_t>(description.worker_bytes));
  Put(writer, "assumptions", description.assumptions);
  Put(writer, "golden_photo", ToHex(description.golden_photo));
  writer.Key("golden_class");
  writer.Int64(description.golden_class);
  Put(writer, "sandbox_gap", description.sandbox_gap);
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

Result<ServableDescription> DecodeDescription(std::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError()) {
    return Error{Reason::kBadRequest, "servable description: it is not JSON"};
  }
  Fields fields(document);
  ServableDescription description;
  description.key = {fields.Text("name"), fields.Number("version")};
  description.signature = {fields.Spec("input"), fields.Spec("output")};
  description.output =
      fields.Number("probabilities") != 0 ? OutputKind::kProbabilities : OutputKind::kLogits;
  description.labels = fields.Texts("labels");
  description.engine = fields.Text("engine");
  description.service = Duration(fields.Count("service_ns"));
  description.tuning = fields.Text("tuning");
  description.graph = fields.Text("graph");
  description.tuned_workers = static_cast<std::uint32_t>(
      fields.Count("tuned_workers", std::numeric_limits<std::uint32_t>::max()));
  description.load_ms = static_cast<std::uint64_t>(fields.Count("load_ms"));
  description.golden_examples = static_cast<std::uint32_t>(
      fields.Count("golden_examples", std::numeric_limits<std::uint32_t>::max()));
  description.zygote_bytes = static_cast<std::uint64_t>(fields.Count("zygote_bytes"));
  description.worker_bytes = static_cast<std::uint64_t>(fields.Count("worker_bytes"));
  description.assumptions = fields.Texts("assumptions");
  auto photo = FromHex(fields.Text("golden_photo"));
  description.golden_class = static_cast<std::uint32_t>(
      fields.Count("golden_class", std::numeric_limits<std::uint32_t>::max()));
  description.sandbox_gap = fields.Text("sandbox_gap");
  if (!fields.good() || !photo) {
    return Error{Reason::kBadRequest,
                 "servable description: a field is missing or of another type"};
  }
  description.golden_photo = std::move(*photo);
  return description;
}

}  // namespace holdfast
