// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/nested_numbers.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

namespace holdfast {
namespace {

constexpr std::int64_t kUnknownCount = -1;

bool IsOpening(JsonToken token) {
  return token == JsonToken::kBeginArray || token == JsonToken::kBeginObject;
}

std::string_view NameOfScalar(JsonToken token) {
  switch (token) {
    case JsonToken::kString:
      return "a string";
    case JsonToken::kTrue:
    case JsonToken::kFalse:
      return "a boolean";
    case JsonToken::kNull:
      return "null";
    case JsonToken::kBeginObject:
      return "an object";
    default:
      return "a number";
  }
}

// The counts of nested arrays, level by level, as far as they agree.
class Levels {
 public:
  // False: a level's arrays differ in length, or numbers and arrays are mixed.
  bool Open() {
    if (depth_ == leaf_depth_) return false;
    if (depth_ > 0) ++counts_[depth_ - 1];
    counts_[depth_++] = 0;
    return true;
  }
  bool Leaf() {
    if (leaf_depth_ == kNoLeaf) leaf_depth_ = depth_;
    if (leaf_depth_ != depth_) return false;
    ++counts_[depth_ - 1];
    return true;
  }
  bool Close() {
    --depth_;
    std::int64_t& seen = shape_[depth_];
    const bool agrees = seen == kUnknownCount || seen == counts_[depth_];
    seen = counts_[depth_];
    levels_ = std::max(levels_, depth_ + 1);
    return agrees;
  }
  bool complete() const { return depth_ == 0; }
  Shape shape() const { return Shape(shape_.begin(), shape_.begin() + static_cast<long>(levels_)); }

 private:
  static constexpr std::size_t kNoLeaf = JsonReader::kDepthMax + 1;

  static constexpr auto kNothingSeen = [] {
    std::array<std::int64_t, JsonReader::kDepthMax> unknown{};
    unknown.fill(kUnknownCount);
    return unknown;
  }();
  std::array<std::int64_t, JsonReader::kDepthMax> shape_ = kNothingSeen;
  std::array<std::int64_t, JsonReader::kDepthMax> counts_{};
  std::size_t depth_ = 0;
  std::size_t levels_ = 0;
  std::size_t leaf_depth_ = kNoLeaf;
};

// Where the next number goes, and whether the arrays so far have the expected shape.
class Filler {
 public:
  explicit Filler(const Shape& shape)
      : shape_(shape), bytes_(ElementCount(shape).value_or(0) * sizeof(float)) {}

  bool Open() {
    if (depth_ == shape_.size() || !Count()) return false;
    counts_[depth_++] = 0;
    return true;
  }
  bool Close() {
    --depth_;
    return counts_[depth_] == shape_[depth_];
  }
  // `number` fits a float or is not finite.
  bool Put(double number) {
    if (depth_ != shape_.size() || !Count()) return false;
    const auto value = static_cast<float>(number);
    std::memcpy(bytes_.data() + at_, &value, sizeof value);
    at_ += sizeof value;
    return true;
  }
  bool complete() const { return depth_ == 0; }
  std::vector<std::uint8_t> Take() { return std::move(bytes_); }

 private:
  bool Count() { return depth_ == 0 || ++counts_[depth_ - 1] <= shape_[depth_ - 1]; }

  const Shape& shape_;
  std::vector<std::uint8_t> bytes_;
  std::array<std::int64_t, JsonReader::kDepthMax> counts_{};
  std::size_t depth_ = 0;
  std::size_t at_ = 0;
};

}  // namespace

std::string DescribeValue(JsonReader reader, JsonToken first) {
  if (first != JsonToken::kBeginArray) return std::string(NameOfScalar(first));
  Levels levels;
  JsonToken token = first;
  std::optional<JsonToken> stranger;
  bool regular = true;
  for (;;) {
    if (token == JsonToken::kBeginArray) {
      regular = regular && levels.Open();
    } else if (token == JsonToken::kEndArray) {
      regular = regular && levels.Close();
    } else {
      if (token == JsonToken::kError) return "no valid JSON";
      if (token != JsonToken::kNumber) stranger = token;
      if (IsOpening(token)) (void)reader.Skip(token);
      regular = regular && levels.Leaf();
    }
    if (!regular) return "ragged arrays";
    if (levels.complete()) break;
    token = reader.Next();
  }
  std::string text = fmt::format("the shape {}", FormatShape(levels.shape()));
  if (stranger) text += fmt::format(" with {} in it", NameOfScalar(*stranger));
  return text;
}

Result<std::vector<std::uint8_t>> ReadNestedNumbers(JsonReader& reader, JsonToken first,
                                                    const Shape& shape) {
  const JsonReader bookmark = reader;
  const auto mismatch = [&] {
    return Error{Reason::kBadRequest,
                 fmt::format("has {}; expected the shape {}", DescribeValue(bookmark, first),
                             FormatShape(shape))};
  };
  if (shape.size() > JsonReader::kDepthMax) return mismatch();
  // A scalar cannot make room for a whole tensor.
  if (first != JsonToken::kBeginArray && !(first == JsonToken::kNumber && shape.empty())) {
    return mismatch();
  }
  Filler filler(shape);
  for (JsonToken token = first;; token = reader.Next()) {
    switch (token) {
      case JsonToken::kNumber:
        if (std::isfinite(reader.number()) &&
            std::abs(reader.number()) > double{std::numeric_limits<float>::max()}) {
          return Error{Reason::kBadRequest, "has a number too big for float32"};
        }
        if (!filler.Put(reader.number())) return mismatch();
        break;
      case JsonToken::kBeginArray:
        if (!filler.Open()) return mismatch();
        break;
      case JsonToken::kEndArray:
        if (!filler.Close()) return mismatch();
        break;
      case JsonToken::kError:
        return reader.error();
      default:
        return mismatch();
    }
    if (filler.complete()) return filler.Take();
  }
}

}  // namespace holdfast
