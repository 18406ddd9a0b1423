// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

enum class JsonToken {
  kBeginObject,
  kEndObject,
  kBeginArray,
  kEndArray,
  kKey,
  kString,
  kNumber,
  kTrue,
  kFalse,
  kNull,
  kEnd,    // The document is complete; what follows it is not looked at.
  kError,  // No JSON: error() says why.
};

// Reads one JSON document, token after token, straight from the request's bytes. It allocates
// nothing, does not recurse and stops at kDepthMax, so a hostile body costs one pass at most. A
// copy is a bookmark: it reads on from where it was made.
//
// Not a library, because none takes what TensorFlow Serving's clients send (NaN, Infinity, bytes
// after the document) without either copying strings byte by byte or indexing the whole body first.
class JsonReader {
 public:
  static constexpr std::uint32_t kDepthMax = 64;

  // `text` must outlive the reader and its copies. It need not end with a zero byte.
  explicit JsonReader(std::string_view text)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  JsonToken Next();
  // Passes over the rest of the value that `first` began, and returns its last token or kError.
  JsonToken Skip(JsonToken first);

  // Of the last kKey or kString: what stood between the quotes, escapes not resolved.
  std::string_view raw() const { return raw_; }
  bool has_escapes() const { return has_escapes_; }
  std::string Text() const;  // Escapes resolved; a lone surrogate becomes U+FFFD.

  // Of the last kNumber: within 2 units in the last place; not finite only for NaN and Infinity.
  double number() const { return number_; }

  bool failed() const { return why_ != nullptr; }  // kError was given.
  Error error() const;                             // kBadRequest; after kError.

 private:
  enum class Expect : std::uint8_t { kValue, kFirstValue, kFirstKey, kSeparator, kNothing };

  void SkipSpace();
  JsonToken AfterSeparator();
  JsonToken ReadValue();
  JsonToken Open(bool object);
  JsonToken Close();
  JsonToken ReadKey();
  JsonToken ReadString(JsonToken token);
  bool ReadEscape();
  JsonToken ReadNumber();
  bool ReadExponent(int& exponent);
  JsonToken ReadExactly(const char* start, bool negative, int count, int scale);
  JsonToken ReadUnfinite(bool negative);
  JsonToken ReadWord(std::string_view word, JsonToken token);
  bool Take(std::string_view word);
  JsonToken Done(JsonToken token);  // A value is complete.
  JsonToken Fail(const char* why);
  bool in_object() const { return depth_ > 0 && (objects_ >> (depth_ - 1) & 1) != 0; }

  const char* begin_;
  const char* at_;
  const char* end_;
  std::string_view raw_;
  double number_ = 0;
  const char* why_ = nullptr;
  std::uint64_t objects_ = 0;  // Bit i: the container at depth i + 1 is an object.
  std::uint32_t depth_ = 0;
  Expect expect_ = Expect::kValue;
  bool has_escapes_ = false;
};

}  // namespace holdfast
