// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/inference_protocol_json.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "gateway/call/bad_request.h"
#include "gateway/call/image_format.h"
#include "gateway/call/signatures.h"
#include "gateway/call/tensor_items.h"
#include "gateway/encoding/base64.h"
#include "gateway/encoding/json_reader.h"
#include "gateway/encoding/json_writer.h"

namespace holdfast {
namespace {

constexpr std::size_t kDimensionsMax = 8;
constexpr std::size_t kIdBytesMax = 256;
constexpr std::uint32_t kClassesMax = 1000;

// "inputs": one of them.
struct Input {
  std::string name;
  std::string datatype;
  std::optional<Shape> shape;
  std::optional<JsonReader> data;  // Before its '['.
  std::optional<std::size_t> binary_bytes;
};

class RequestParser {
 public:
  RequestParser(ByteView json, ByteView binary, const ServableDescription& servable,
                std::size_t items_max)
      : reader_({reinterpret_cast<const char*>(json.data()), json.size()}),
        binary_(binary),
        input_spec_(servable.signature.input),
        output_name_(servable.signature.output.name),
        items_max_(items_max) {}

  CallResult Parse();

 private:
  // Calls `member(key)` for each member of the object that comes next. `member` reads the value.
  template <class Member>
  Status Object(std::string_view what, Member member);
  template <class Element>
  Status Array(std::string_view what, Element element);
  Status SkipValue();
  Result<std::string> String(std::string_view what);
  Result<std::uint64_t> Count(std::string_view what);
  Result<bool> Boolean(std::string_view what);

  Status TopMember(const std::string& key);
  Status ReadInput();
  Status InputMember(const std::string& key, Input& input);
  Status ReadShape(Input& input);
  Status ReadOutput();
  Status OutputParameter(const std::string& key);

  CallResult Items();
  CallResult TensorItems();
  CallResult ImageItems();
  Result<std::vector<InferenceItem>> NumbersFromJson(std::size_t count);
  tl::expected<std::vector<InferenceItem>, CallError> ImagesFromJson(std::size_t count);
  Result<ByteView> BinaryData() const;

  JsonReader reader_;
  ByteView binary_;
  const TensorSpec& input_spec_;
  std::string_view output_name_;
  std::size_t items_max_;
  std::vector<Input> inputs_;
  std::optional<bool> binary_output_;          // Of the output that is asked for.
  std::optional<bool> binary_output_default_;  // Of the request.
  ParsedCall call_;
};

template <class Member>
Status RequestParser::Object(std::string_view what, Member member) {
  const JsonToken first = reader_.Next();
  if (first == JsonToken::kError) return reader_.error();
  if (first != JsonToken::kBeginObject)
    return BadRequest(fmt::format("{}: expected an object", what));
  for (;;) {
    const JsonToken token = reader_.Next();
    if (token == JsonToken::kError) return reader_.error();
    if (token == JsonToken::kEndObject) return {};
    TRY_DO(member(reader_.Text()));
  }
}

// Calls `element()` for each element, which reads it.
template <class Element>
Status RequestParser::Array(std::string_view what, Element element) {
  const JsonToken first = reader_.Next();
  if (first == JsonToken::kError) return reader_.error();
  if (first != JsonToken::kBeginArray) return BadRequest(fmt::format("{}: expected a list", what));
  for (;;) {
    JsonReader ahead = reader_;
    const JsonToken token = ahead.Next();
    if (token == JsonToken::kError) return ahead.error();
    if (token == JsonToken::kEndArray) {
      reader_ = ahead;
      return {};
    }
    TRY_DO(element());
  }
}

Status RequestParser::SkipValue() {
  if (reader_.Skip(reader_.Next()) == JsonToken::kError) return reader_.error();
  return {};
}

Result<std::string> RequestParser::String(std::string_view what) {
  const JsonToken token = reader_.Next();
  if (token == JsonToken::kError) return reader_.error();
  if (token != JsonToken::kString) return BadRequest(fmt::format("{}: expected a string", what));
  return reader_.Text();
}

Result<std::uint64_t> RequestParser::Count(std::string_view what) {
  constexpr double kExactIntegers = 9007199254740992;  // 2^53.
  const JsonToken token = reader_.Next();
  if (token == JsonToken::kError) return reader_.error();
  const double number = token == JsonToken::kNumber ? reader_.number() : -1;
  if (!(number >= 0 && number < kExactIntegers) || number != std::floor(number)) {
    return BadRequest(fmt::format("{}: expected a whole number", what));
  }
  return static_cast<std::uint64_t>(number);
}

Result<bool> RequestParser::Boolean(std::string_view what) {
  const JsonToken token = reader_.Next();
  if (token == JsonToken::kError) return reader_.error();
  if (token != JsonToken::kTrue && token != JsonToken::kFalse) {
    return BadRequest(fmt::format("{}: expected true or false", what));
  }
  return token == JsonToken::kTrue;
}

CallResult RequestParser::Parse() {
  TRY_DO(Object("the request", [this](const std::string& key) { return TopMember(key); }));
  call_.form = AnswerForm::kInferenceProtocol;
  call_.reply.binary = binary_output_.value_or(binary_output_default_.value_or(false));
  return Items();
}

Status RequestParser::TopMember(const std::string& key) {
  if (key == "id") {
    call_.reply.id = TRY(String("\"id\""));
    if (call_.reply.id.size() > kIdBytesMax) {
      return BadRequest(fmt::format("\"id\" is longer than {} bytes", kIdBytesMax));
    }
    return {};
  }
  if (key == "inputs") return Array("\"inputs\"", [this] { return ReadInput(); });
  if (key == "outputs") return Array("\"outputs\"", [this] { return ReadOutput(); });
  if (key == "parameters") {
    return Object("\"parameters\"", [this](const std::string& parameter) -> Status {
      if (parameter != "binary_data_output") return SkipValue();
      binary_output_default_ = TRY(Boolean("binary_data_output"));
      return {};
    });
  }
  return SkipValue();
}

Status RequestParser::ReadInput() {
  Input input;
  TRY_DO(Object("\"inputs\"", [&](const std::string& key) { return InputMember(key, input); }));
  if (inputs_.size() == 2)
    return BadRequest("\"inputs\" has more tensors than the model has inputs");
  inputs_.push_back(std::move(input));
  return {};
}

Status RequestParser::InputMember(const std::string& key, Input& input) {
  if (key == "name") {
    input.name = TRY(String("an input's \"name\""));
    return {};
  }
  if (key == "datatype") {
    input.datatype = TRY(String("an input's \"datatype\""));
    return {};
  }
  if (key == "shape") return ReadShape(input);
  if (key == "data") {
    input.data = reader_;
    return SkipValue();
  }
  if (key == "parameters") {
    return Object("an input's \"parameters\"", [&](const std::string& parameter) -> Status {
      if (parameter != "binary_data_size") return SkipValue();
      input.binary_bytes = TRY(Count("binary_data_size"));
      return {};
    });
  }
  return SkipValue();
}

Status RequestParser::ReadShape(Input& input) {
  input.shape.emplace();
  return Array("an input's \"shape\"", [&]() -> Status {
    const std::uint64_t dimension = TRY(Count("an input's \"shape\""));
    if (input.shape->size() == kDimensionsMax)
      return BadRequest("an input's \"shape\" is too long");
    input.shape->push_back(static_cast<std::int64_t>(dimension));
    return {};
  });
}

Status RequestParser::ReadOutput() {
  return Object("\"outputs\"", [this](const std::string& key) -> Status {
    if (key == "name") {
      const std::string name = TRY(String("an output's \"name\""));
      if (name != output_name_) {
        return BadRequest(fmt::format("\"outputs\" names {}; the model's output is \"{}\"",
                                      Excerpt(name), output_name_));
      }
      return {};
    }
    if (key == "parameters") {
      return Object("an output's \"parameters\"",
                    [this](const std::string& parameter) { return OutputParameter(parameter); });
    }
    return SkipValue();
  });
}

Status RequestParser::OutputParameter(const std::string& key) {
  if (key == "binary_data") {
    binary_output_ = TRY(Boolean("binary_data"));
    return {};
  }
  if (key == "classification") {
    const std::uint64_t classes = TRY(Count("classification"));
    if (classes > kClassesMax) {
      return BadRequest(fmt::format("classification: at most {} classes", kClassesMax));
    }
    call_.reply.classes = static_cast<std::uint32_t>(classes);
    return {};
  }
  return SkipValue();
}

CallResult RequestParser::Items() {
  if (inputs_.empty())
    return BadRequest("the request has no \"inputs\"; " + InputNames(input_spec_));
  if (inputs_.size() > 1) return BadRequest("one input is expected; " + InputNames(input_spec_));
  const Input& input = inputs_.front();
  if (!input.shape)
    return BadRequest(fmt::format("input {} has no \"shape\"", Excerpt(input.name)));
  if (input.binary_bytes.has_value() == input.data.has_value()) {
    return BadRequest(
        fmt::format("input {} needs either \"data\" or \"binary_data_size\"", Excerpt(input.name)));
  }
  if (!input.binary_bytes && !binary_.empty()) {
    return BadRequest(
        fmt::format("{} bytes follow the JSON, and no input claims them", binary_.size()));
  }
  if (input.name == kImageInput && (input.datatype == "BYTES" || input.name != input_spec_.name)) {
    return ImageItems();
  }
  if (input.name == input_spec_.name) {
    return input_spec_.dtype == DType::kString ? ImageItems() : TensorItems();
  }
  return BadRequest(
      fmt::format("there is no input {}; {}", Excerpt(input.name), InputNames(input_spec_)));
}

Result<ByteView> RequestParser::BinaryData() const {
  if (*inputs_.front().binary_bytes != binary_.size()) {
    return BadRequest(fmt::format("binary_data_size is {}, and {} bytes follow the JSON",
                                  *inputs_.front().binary_bytes, binary_.size()));
  }
  return binary_;
}

CallResult RequestParser::TensorItems() {
  const Input& input = inputs_.front();
  const std::string_view expected = InferenceProtocolDTypeName(input_spec_.dtype);
  if (input.datatype != expected) {
    return BadRequest(fmt::format("input \"{}\" has the datatype {}; the model's is {}", input.name,
                                  Excerpt(input.datatype), expected));
  }
  const std::size_t count =
      TRY(CountTensorItems(input.name, *input.shape, input_spec_, items_max_));
  if (input.binary_bytes) {
    const ByteView bytes = TRY(BinaryData());
    call_.items = TRY(SplitTensor(input.name, bytes, input_spec_.dtype, count, input_spec_));
  } else {
    call_.items = TRY(NumbersFromJson(count));
  }
  return std::move(call_);
}

CallResult RequestParser::ImageItems() {
  const Input& input = inputs_.front();
  if (input.datatype != "BYTES") {
    return BadRequest(fmt::format("input \"{}\" has the datatype {}; encoded images are BYTES",
                                  input.name, Excerpt(input.datatype)));
  }
  const std::size_t count = TRY(CountImageItems(input.name, *input.shape, items_max_));
  if (input.binary_bytes) {
    const ByteView bytes = TRY(BinaryData());
    call_.items = TRY(SplitImages(input.name, bytes, count));
  } else {
    call_.items = TRY(ImagesFromJson(count));
  }
  return std::move(call_);
}

// The data may be flat or nested: only the numbers count, in their order.
Result<std::vector<InferenceItem>> RequestParser::NumbersFromJson(std::size_t count) {
  const std::string& name = inputs_.front().name;
  const std::size_t item_numbers = ElementCount(ItemShape(input_spec_)).value_or(0);
  std::vector<std::vector<std::uint8_t>> rows;
  std::size_t column = item_numbers;
  JsonReader reader = *inputs_.front().data;
  std::size_t depth = 0;
  do {
    switch (reader.Next()) {
      case JsonToken::kBeginArray:
        ++depth;
        break;
      case JsonToken::kEndArray:
        --depth;
        break;
      case JsonToken::kNumber: {
        if (column == item_numbers) {
          if (rows.size() == count)
            return BadRequest(name + " has more numbers than its shape says");
          rows.emplace_back(item_numbers * sizeof(float));
          column = 0;
        }
        if (std::isfinite(reader.number()) &&
            std::abs(reader.number()) > double{std::numeric_limits<float>::max()}) {
          return BadRequest(name + " has a number too big for float32");
        }
        const auto number = static_cast<float>(reader.number());
        std::memcpy(rows.back().data() + column++ * sizeof number, &number, sizeof number);
        break;
      }
      case JsonToken::kError:
        return reader.error();
      default:
        return BadRequest(name + ": expected numbers as \"data\"");
    }
    if (depth == 0) break;
  } while (true);
  if (rows.size() != count || column != item_numbers) {
    return BadRequest(name + " has fewer numbers than its shape says");
  }
  std::vector<InferenceItem> items;
  for (auto& row : rows) items.push_back({ItemKind::kTensor, ItemBytes::Own(std::move(row))});
  return items;
}

// JSON cannot carry an image's bytes: they come in base64.
tl::expected<std::vector<InferenceItem>, CallError> RequestParser::ImagesFromJson(
    std::size_t count) {
  const std::string& name = inputs_.front().name;
  std::vector<InferenceItem> items;
  const auto refuse = [](Error error, std::optional<std::size_t> item = std::nullopt) {
    return tl::make_unexpected(CallError{std::move(error), item});
  };
  JsonReader reader = *inputs_.front().data;
  std::size_t depth = 0;
  do {
    switch (reader.Next()) {
      case JsonToken::kBeginArray:
        ++depth;
        break;
      case JsonToken::kEndArray:
        --depth;
        break;
      case JsonToken::kString: {
        const std::size_t index = items.size();
        if (index == count)
          return refuse(BadRequest(name + " has more strings than its shape says"));
        auto bytes =
            reader.has_escapes() ? DecodeBase64(reader.Text()) : DecodeBase64(reader.raw());
        if (!bytes) {
          return refuse(BadRequest(fmt::format("{}[{}]: an image as base64 is expected: {}", name,
                                               index, bytes.error().message)),
                        index);
        }
        auto item =
            ImageItem(fmt::format("{}[{}]", name, index), ItemBytes::Own(*std::move(bytes)));
        if (!item) return refuse(std::move(item).error(), index);
        items.push_back(*std::move(item));
        break;
      }
      case JsonToken::kError:
        return refuse(reader.error());
      default:
        return refuse(BadRequest(name + ": expected strings as \"data\""));
    }
  } while (depth > 0);
  if (items.size() != count)
    return refuse(BadRequest(name + " has fewer strings than its shape says"));
  return items;
}

// No JSON at all: the bytes are the only input's only item.
CallResult ParseBareInput(ByteView body, const ServableDescription& servable) {
  ParsedCall call;
  call.form = AnswerForm::kInferenceProtocol;
  if (LooksLikeImage(body)) {
    call.items.push_back({ItemKind::kEncodedImage, ItemBytes::Borrow(body)});
    return call;
  }
  const TensorSpec& input = servable.signature.input;
  const Shape item = ItemShape(input);
  if (input.dtype == DType::kString ||
      body.size() != ElementCount(item).value_or(0) * DTypeSize(input.dtype)) {
    return Error{Reason::kUnsupportedMedia,
                 "the body is neither an image (JPEG, PNG, WebP) nor one item's tensor"};
  }
  call.items = TRY(SplitTensor(input.name, body, input.dtype, 1, input));
  return call;
}

}  // namespace

CallResult ParseInferenceProtocol(ByteView body, std::optional<std::size_t> json_bytes,
                                  const ServableDescription& servable, std::size_t items_max) {
  if (json_bytes == 0U) return ParseBareInput(body, servable);
  const std::size_t json = json_bytes.value_or(body.size());
  if (json > body.size()) {
    return BadRequest(fmt::format(
        "Inference-Header-Content-Length is {}, and the body has {} bytes", json, body.size()));
  }
  return RequestParser(body.first(json), body.subspan(json), servable, items_max).Parse();
}

}  // namespace holdfast
