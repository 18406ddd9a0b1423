// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/tensorflow_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "gateway/call/bad_request.h"
#include "gateway/call/image_format.h"
#include "gateway/call/signatures.h"
#include "gateway/encoding/base64.h"
#include "gateway/encoding/json_reader.h"
#include "gateway/encoding/json_writer.h"
#include "gateway/http/nested_numbers.h"

namespace holdfast {
namespace {

// An error about one of several things, with its name put first.
Error About(const std::string& what, Error error) {
  if (error.message.starts_with("has ")) {
    error.message = what + ' ' + error.message;
  } else if (!error.message.starts_with("JSON parse error")) {
    error.message = what + ": " + error.message;
  }
  return error;
}

class BodyParser {
 public:
  BodyParser(std::string_view json, const ServableDescription& servable, std::size_t items_max)
      : reader_(json),
        input_(servable.signature.input),
        item_shape_(ItemShape(input_)),
        takes_tensors_(std::ranges::count(item_shape_, kAnyDim) == 0),
        takes_images_alone_(input_.dtype == DType::kString),
        items_max_(items_max) {}

  Result<ParsedCall> Predict();
  Result<ParsedCall> Classify();
  // After an error: whose it is, if it is an item's.
  std::optional<std::size_t> failed_item() const { return failed_item_; }

 private:
  using Element = Status (BodyParser::*)(JsonToken, const std::string&);
  Status Members(bool classify);
  Status Member(const std::string& key, bool classify);
  Status List(const std::string& name, Element element);
  Status Item(Element element, JsonToken first, const std::string& name);
  Status Column(JsonToken first);
  Status Row(JsonToken first, const std::string& name);
  Status Example(JsonToken first, const std::string& name);
  Status Value(JsonToken first, const std::string& name);
  Status Image(const JsonReader& past, const std::string& name);
  Error NoSuchInput(const std::string& what);
  Status CheckSignature();
  std::optional<JsonReader> PastImage() const;
  bool IsInputName(std::string_view name) const {
    return name == input_.name || name == kImageInput;
  }

  JsonReader reader_;
  const TensorSpec& input_;
  Shape item_shape_;
  bool takes_tensors_;
  bool takes_images_alone_;
  std::size_t items_max_;
  ParsedCall call_;
  std::string signature_name_;
  std::string list_name_;  // "instances", "inputs" or "examples", once seen.
  std::optional<std::size_t> failed_item_;
};

Result<ParsedCall> BodyParser::Predict() {
  TRY_DO(Members(false));
  if (list_name_.empty()) return BadRequest(R"(expected "instances" or "inputs" in the request)");
  TRY_DO(CheckSignature());
  call_.form = list_name_ == "inputs" ? AnswerForm::kColumnTensors : AnswerForm::kRowTensors;
  return std::move(call_);
}

Result<ParsedCall> BodyParser::Classify() {
  TRY_DO(Members(true));
  if (list_name_.empty()) {
    return BadRequest(R"(expected {"examples": [{"image": {"b64": "…"}}, …]})");
  }
  TRY_DO(CheckSignature());
  call_.form = AnswerForm::kClassifyResult;
  return std::move(call_);
}

Status BodyParser::Members(bool classify) {
  const JsonToken first = reader_.Next();
  if (first == JsonToken::kError) return reader_.error();
  if (first != JsonToken::kBeginObject) {
    return BadRequest("expected a JSON object, found " + DescribeValue(reader_, first));
  }
  for (;;) {
    const JsonToken token = reader_.Next();
    if (token == JsonToken::kEndObject) return {};
    if (token == JsonToken::kError) return reader_.error();
    TRY_DO(Member(reader_.Text(), classify));
  }
}

Status BodyParser::Member(const std::string& key, bool classify) {
  const bool is_list = classify ? key == "examples" : key == "instances" || key == "inputs";
  const JsonToken first = reader_.Next();
  if (is_list) {
    if (list_name_ == key) return BadRequest(fmt::format("\"{}\" is given twice", key));
    if (!list_name_.empty())
      return BadRequest(R"(expected either "instances" or "inputs", found both)");
    list_name_ = key;
    if (key == "inputs") return Column(first);
    if (first == JsonToken::kError) return reader_.error();
    if (first != JsonToken::kBeginArray) {
      return BadRequest(
          fmt::format("\"{}\": expected a list, found {}", key, DescribeValue(reader_, first)));
    }
    return List(key, classify ? &BodyParser::Example : &BodyParser::Row);
  }
  if (key == "signature_name") {
    if (first == JsonToken::kString) {
      signature_name_ = reader_.Text();
      return {};
    }
    if (first != JsonToken::kError && first != JsonToken::kNull) {
      return BadRequest(R"("signature_name": expected a string)");
    }
  }
  if (reader_.Skip(first) == JsonToken::kError) return reader_.error();
  return {};
}

// The elements of a list whose '[' has been read.
Status BodyParser::List(const std::string& name, Element element) {
  const std::size_t before = call_.items.size();
  for (;;) {
    const JsonToken token = reader_.Next();
    if (token == JsonToken::kError) return reader_.error();
    if (token == JsonToken::kEndArray) break;
    const std::size_t index = call_.items.size() - before;
    if (call_.items.size() == items_max_) {
      return Error{Reason::kPayloadTooLarge,
                   fmt::format("\"{}\": more than {} in one request", name, items_max_)};
    }
    TRY_DO(Item(element, token, fmt::format("{}[{}]", name, index)));
  }
  if (call_.items.size() == before) return BadRequest(fmt::format("\"{}\" is an empty list", name));
  return {};
}

// What is no JSON is the whole request's fault, anything else the item's.
Status BodyParser::Item(Element element, JsonToken first, const std::string& name) {
  const std::size_t index = call_.items.size();
  Status read = (this->*element)(first, name);
  if (!read && !reader_.failed()) failed_item_ = index;
  return read;
}

// "inputs" := Batch | {"name": Batch}; Batch := [Value, …] | {"b64": "…"}
Status BodyParser::Column(JsonToken first) {
  if (first == JsonToken::kBeginArray) return List("inputs", &BodyParser::Value);
  if (first != JsonToken::kBeginObject) {
    if (first == JsonToken::kError) return reader_.error();
    return BadRequest("\"inputs\": expected a list with one element an item, found " +
                      DescribeValue(reader_, first));
  }
  if (PastImage()) return Item(&BodyParser::Value, first, "inputs");
  const JsonToken key = reader_.Next();
  if (key == JsonToken::kError) return reader_.error();
  if (key == JsonToken::kEndObject) return BadRequest("\"inputs\" is empty");
  if (!IsInputName(reader_.Text())) return NoSuchInput("\"inputs\"");
  const JsonToken value = reader_.Next();
  if (value == JsonToken::kBeginArray) {
    TRY_DO(List("inputs", &BodyParser::Value));
  } else {
    TRY_DO(Item(&BodyParser::Value, value, "inputs"));
  }
  const JsonToken end = reader_.Next();
  if (end == JsonToken::kError) return reader_.error();
  if (end != JsonToken::kEndObject) {
    return BadRequest("\"inputs\" names several inputs; " + InputNames(input_));
  }
  return {};
}

// Row := Value | {"name": Value}
Status BodyParser::Row(JsonToken first, const std::string& name) {
  if (first != JsonToken::kBeginObject) return Value(first, name);
  if (const auto past = PastImage()) return Image(*past, name);
  const JsonToken key = reader_.Next();
  if (key == JsonToken::kError) return reader_.error();
  if (key == JsonToken::kEndObject) return BadRequest(name + " is empty; " + InputNames(input_));
  if (!IsInputName(reader_.Text())) return NoSuchInput(name);
  TRY_DO(Value(reader_.Next(), name));
  const JsonToken end = reader_.Next();
  if (end == JsonToken::kError) return reader_.error();
  if (end != JsonToken::kEndObject) {
    return BadRequest(fmt::format("{} names several inputs; {}", name, InputNames(input_)));
  }
  return {};
}

// Example := {Feature: Value, …} with one feature that is ours; the others are left alone.
Status BodyParser::Example(JsonToken first, const std::string& name) {
  if (first != JsonToken::kBeginObject) {
    return BadRequest(fmt::format(R"({}: expected {{"image": {{"b64": "…"}}}}, found {})", name,
                                  DescribeValue(reader_, first)));
  }
  bool found = false;
  for (;;) {
    const JsonToken token = reader_.Next();
    if (token == JsonToken::kError) return reader_.error();
    if (token == JsonToken::kEndObject) break;
    const bool ours = IsInputName(reader_.Text());
    const JsonToken value = reader_.Next();
    if (!ours) {
      if (reader_.Skip(value) == JsonToken::kError) return reader_.error();
      continue;
    }
    if (found) return BadRequest(name + " has several images");
    found = true;
    TRY_DO(Value(value, name));
  }
  if (!found) return BadRequest(fmt::format(R"({} has no feature "{}")", name, kImageInput));
  return {};
}

// Value := nested numbers | {"b64": "…"}
Status BodyParser::Value(JsonToken first, const std::string& name) {
  if (first == JsonToken::kError) return reader_.error();
  if (first == JsonToken::kBeginObject) {
    if (const auto past = PastImage()) return Image(*past, name);
    return BadRequest(name + R"(: expected numbers or {"b64": "…"} and nothing else in it)");
  }
  if (first == JsonToken::kString) {
    return BadRequest(name + R"( is a string; send an image as {"b64": "…"})");
  }
  if (takes_images_alone_) {
    return BadRequest(name + R"(: this model takes encoded images; send each as {"b64": "…"})");
  }
  if (!takes_tensors_) {
    return Error{Reason::kNotImplemented,
                 fmt::format("{}: this model's input {} has free dimensions; send an image as "
                             R"({{"b64": "…"}})",
                             name, FormatShape(item_shape_))};
  }
  auto numbers = ReadNestedNumbers(reader_, first, item_shape_);
  if (!numbers) return About(name, std::move(numbers).error());
  call_.items.push_back({ItemKind::kTensor, ItemBytes::Own(*std::move(numbers))});
  return {};
}

// Where the object that has just begun ends, if it is {"b64": "…"} with nothing else in it; raw()
// is the base64 then.
std::optional<JsonReader> BodyParser::PastImage() const {
  JsonReader ahead = reader_;
  const bool is_image = ahead.Next() == JsonToken::kKey && ahead.raw() == "b64" &&
                        ahead.Next() == JsonToken::kString && ahead.Next() == JsonToken::kEndObject;
  return is_image ? std::optional(ahead) : std::nullopt;
}

Status BodyParser::Image(const JsonReader& past, const std::string& name) {
  reader_ = past;
  auto decoded = past.has_escapes() ? DecodeBase64(past.Text()) : DecodeBase64(past.raw());
  if (!decoded) return About(name, std::move(decoded).error());
  if (!LooksLikeImage(*decoded)) {
    return NoImageError(name);
  }
  call_.items.push_back({ItemKind::kEncodedImage, ItemBytes::Own(*std::move(decoded))});
  return {};
}

// The key just read is no input's name, unless its value is no JSON at all.
Error BodyParser::NoSuchInput(const std::string& what) {
  JsonReader ahead = reader_;
  if (ahead.Skip(ahead.Next()) == JsonToken::kError) {
    reader_ = ahead;
    return reader_.error();
  }
  return BadRequest(
      fmt::format("{} names {}; {}", what, Excerpt(reader_.Text()), InputNames(input_)));
}

Status BodyParser::CheckSignature() {
  if (signature_name_.empty() || signature_name_ == kServingDefault) return {};
  if (signature_name_ != kServingBytes) {
    return BadRequest(fmt::format("unknown signature {}; this model has {} and {}",
                                  Excerpt(signature_name_), kServingDefault, kServingBytes));
  }
  for (std::size_t i = 0; i < call_.items.size(); ++i) {
    if (call_.items[i].kind != ItemKind::kEncodedImage) {
      failed_item_ = i;
      return BadRequest(fmt::format(R"({}[{}]: {} takes images, as {{"b64": "…"}})", list_name_, i,
                                    kServingBytes));
    }
  }
  return {};
}

}  // namespace

CallResult ParsePredictJson(std::string_view json, const ServableDescription& servable,
                            std::size_t items_max) {
  BodyParser parser(json, servable, items_max);
  Result<ParsedCall> call = parser.Predict();
  if (!call) return CallError{std::move(call).error(), parser.failed_item()};
  return *std::move(call);
}

CallResult ParseClassifyJson(std::string_view json, const ServableDescription& servable,
                             std::size_t items_max) {
  BodyParser parser(json, servable, items_max);
  Result<ParsedCall> call = parser.Classify();
  if (!call) return CallError{std::move(call).error(), parser.failed_item()};
  return *std::move(call);
}

}  // namespace holdfast
