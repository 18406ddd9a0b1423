// SPDX-License-Identifier: Apache-2.0
#include "gateway/encoding/json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/utf8.h"

namespace holdfast {
namespace {

constexpr std::size_t kBlock = 64;
constexpr int kDigitsMax = 19;  // What 64 bits hold whatever the digits are.
constexpr int kPowerMax = 22;   // The largest power of ten that a double holds exactly.
constexpr std::array<double, kPowerMax + 1> kPowers{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsPlain(char c) { return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20; }

// The first character of [at, end) that a string cannot simply hold. Whole blocks first, in a form
// that compilers turn into vector instructions: base64 images pass here.
const char* SkipPlain(const char* at, const char* end) {
  while (static_cast<std::size_t>(end - at) >= kBlock) {
    std::uint8_t special = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
      const auto c = static_cast<unsigned char>(at[i]);
      special |= static_cast<std::uint8_t>((c == '"') | (c == '\\') | (c < 0x20));
    }
    if (special != 0) break;
    at += kBlock;
  }
  while (at != end && IsPlain(*at)) ++at;
  return at;
}

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Four hexadecimal digits that ReadEscape() has checked.
std::uint32_t HexQuad(std::string_view text) {
  std::uint32_t value = 0;
  for (const char c : text.substr(0, 4))
    value = value * 16 + static_cast<std::uint32_t>(HexDigit(c));
  return value;
}

}  // namespace

JsonToken JsonReader::Next() {
  if (expect_ == Expect::kNothing) return why_ == nullptr ? JsonToken::kEnd : JsonToken::kError;
  SkipSpace();
  if (at_ == end_) return Fail("the document ends too early");
  switch (expect_) {
    case Expect::kFirstValue:
      if (*at_ == ']') return Close();
      return ReadValue();
    case Expect::kFirstKey:
      if (*at_ == '}') return Close();
      return ReadKey();
    case Expect::kSeparator:
      return AfterSeparator();
    default:
      return ReadValue();
  }
}

JsonToken JsonReader::Skip(JsonToken first) {
  if (first != JsonToken::kBeginObject && first != JsonToken::kBeginArray) return first;
  const std::uint32_t outside = depth_ - 1;
  JsonToken token = first;
  while (depth_ > outside && token != JsonToken::kError) token = Next();
  return token;
}

void JsonReader::SkipSpace() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
}

JsonToken JsonReader::AfterSeparator() {
  const bool object = in_object();
  if (*at_ == (object ? '}' : ']')) return Close();
  if (*at_ != ',') return Fail(object ? "expected ',' or '}'" : "expected ',' or ']'");
  ++at_;
  SkipSpace();
  if (at_ == end_) return Fail("the document ends too early");
  return object ? ReadKey() : ReadValue();
}

JsonToken JsonReader::ReadValue() {
  switch (*at_) {
    case '{':
      return Open(true);
    case '[':
      return Open(false);
    case '"':
      return ReadString(JsonToken::kString);
    case 't':
      return ReadWord("true", JsonToken::kTrue);
    case 'f':
      return ReadWord("false", JsonToken::kFalse);
    case 'n':
      return ReadWord("null", JsonToken::kNull);
    default:
      return ReadNumber();
  }
}

JsonToken JsonReader::Open(bool object) {
  static_assert(kDepthMax == 64);  // What objects_ has bits for, and what the words say.
  if (depth_ == kDepthMax) return Fail("nested deeper than 64 levels");
  const std::uint64_t bit = std::uint64_t{1} << depth_;
  objects_ = object ? objects_ | bit : objects_ & ~bit;
  ++depth_;
  ++at_;
  expect_ = object ? Expect::kFirstKey : Expect::kFirstValue;
  return object ? JsonToken::kBeginObject : JsonToken::kBeginArray;
}

JsonToken JsonReader::Close() {
  const bool object = in_object();
  --depth_;
  ++at_;
  return Done(object ? JsonToken::kEndObject : JsonToken::kEndArray);
}

JsonToken JsonReader::ReadKey() {
  if (*at_ != '"') return Fail("expected a key in quotes");
  if (ReadString(JsonToken::kKey) == JsonToken::kError) return JsonToken::kError;
  SkipSpace();
  if (at_ == end_ || *at_ != ':') return Fail("expected ':' after a key");
  ++at_;
  expect_ = Expect::kValue;
  return JsonToken::kKey;
}

JsonToken JsonReader::ReadString(JsonToken token) {
  const char* const start = ++at_;
  has_escapes_ = false;
  for (;;) {
    at_ = SkipPlain(at_, end_);
    if (at_ == end_) return Fail("a string does not end");
    if (*at_ == '"') break;
    if (*at_ != '\\') return Fail("a control character in a string");
    has_escapes_ = true;
    if (!ReadEscape()) return Fail("an unknown escape in a string");
  }
  raw_ = std::string_view(start, static_cast<std::size_t>(at_ - start));
  ++at_;
  return Done(token);
}

bool JsonReader::ReadEscape() {
  if (end_ - at_ < 2) return false;
  const char kind = at_[1];
  at_ += 2;
  if (kind != 'u') return std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos;
  if (end_ - at_ < 4) return false;
  for (int i = 0; i < 4; ++i) {
    if (HexDigit(at_[i]) < 0) return false;
  }
  at_ += 4;
  return true;
}

JsonToken JsonReader::ReadNumber() {
  const char* const start = at_;
  const bool negative = *at_ == '-';
  if (negative) ++at_;
  if (at_ == end_ || !IsDigit(*at_)) return ReadUnfinite(negative);

  std::uint64_t digits = 0;  // Wraps when there are too many; such a number takes the slow way.
  const auto take_digits = [&] {
    const char* const first = at_;
    for (; at_ != end_ && IsDigit(*at_); ++at_) {
      digits = digits * 10 + static_cast<std::uint64_t>(*at_ - '0');
    }
    return static_cast<int>(at_ - first);
  };
  const bool zero = *at_ == '0';
  int count = take_digits();
  int scale = 0;
  if (zero && count > 1) return Fail("a number with a leading zero");
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    const int fraction = take_digits();
    if (fraction == 0) return Fail("expected a digit after '.'");
    count += fraction;
    scale = -fraction;
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    int exponent = 0;
    if (!ReadExponent(exponent)) return Fail("expected a digit in the exponent");
    scale += exponent;
  }
  if (count <= kDigitsMax && scale >= -kPowerMax && scale <= kPowerMax) {
    const auto value = static_cast<double>(digits);
    const double power = kPowers[static_cast<std::size_t>(scale < 0 ? -scale : scale)];
    number_ = scale < 0 ? value / power : value * power;
    if (negative) number_ = -number_;
    return Done(JsonToken::kNumber);
  }
  return ReadExactly(start, negative, count, scale);
}

// At the e. A huge exponent stays huge, and does not overflow.
bool JsonReader::ReadExponent(int& exponent) {
  ++at_;
  const bool shrinks = at_ != end_ && *at_ == '-';
  if (at_ != end_ && (*at_ == '-' || *at_ == '+')) ++at_;
  if (at_ == end_ || !IsDigit(*at_)) return false;
  for (; at_ != end_ && IsDigit(*at_); ++at_) {
    if (exponent < 100'000) exponent = exponent * 10 + (*at_ - '0');
  }
  if (shrinks) exponent = -exponent;
  return true;
}

// The number from `start` to here, of `count` digits times ten to the `scale`: the slow way.
JsonToken JsonReader::ReadExactly(const char* start, bool negative, int count, int scale) {
  double exact = 0;
  if (std::from_chars(start, at_, exact).ec == std::errc::result_out_of_range) {
    for (const char* c = start; *c == '-' || *c == '0' || *c == '.'; ++c) {
      count -= *c == '0' ? 1 : 0;
    }
    if (scale + count > 0) return Fail("a number too big for a double");
    exact = negative ? -0.0 : 0.0;
  }
  number_ = exact;
  return Done(JsonToken::kNumber);
}

JsonToken JsonReader::ReadUnfinite(bool negative) {
  if (Take("NaN")) {
    number_ = std::numeric_limits<double>::quiet_NaN();
  } else if (Take("Infinity") || Take("Inf")) {
    number_ = std::numeric_limits<double>::infinity();
  } else {
    return Fail("expected a value");
  }
  if (negative) number_ = -number_;
  return Done(JsonToken::kNumber);
}

JsonToken JsonReader::ReadWord(std::string_view word, JsonToken token) {
  return Take(word) ? Done(token) : Fail("expected a value");
}

bool JsonReader::Take(std::string_view word) {
  const bool found = std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word);
  if (found) at_ += word.size();
  return found;
}

JsonToken JsonReader::Done(JsonToken token) {
  expect_ = depth_ == 0 ? Expect::kNothing : Expect::kSeparator;
  return token;
}

JsonToken JsonReader::Fail(const char* why) {
  why_ = why;
  expect_ = Expect::kNothing;
  return JsonToken::kError;
}

Error JsonReader::error() const {
  return Error{Reason::kBadRequest, fmt::format("JSON parse error at byte {}: {}", at_ - begin_,
                                                why_ == nullptr ? "no error" : why_)};
}

std::string JsonReader::Text() const {
  std::string text;
  std::string_view rest = raw_;
  while (!rest.empty()) {
    const std::size_t plain = std::min(rest.find('\\'), rest.size());
    text += rest.substr(0, plain);
    rest.remove_prefix(plain);
    if (rest.empty()) break;
    const char kind = rest[1];
    rest.remove_prefix(2);
    if (kind != 'u') {
      constexpr std::string_view kKinds = "\"\\/bfnrt";
      constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
      text += kMeanings[kKinds.find(kind)];
      continue;
    }
    std::uint32_t code = HexQuad(rest);
    rest.remove_prefix(4);
    const bool high = code >= 0xd800 && code < 0xdc00;
    if (high && rest.starts_with("\\u")) {
      const std::uint32_t low = HexQuad(rest.substr(2));
      if (low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        rest.remove_prefix(6);
      }
    }
    AppendUtf8(text, code);
  }
  return text;
}

}  // namespace holdfast
