// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gateway/encoding/json_reader.h"
#include "gateway/encoding/json_writer.h"

namespace {

using holdfast::JsonReader;
using holdfast::JsonToken;

// What a string means, written again, means the same.
void CheckString(const JsonReader& reader) {
  const std::string text = reader.has_escapes() ? reader.Text() : std::string(reader.raw());
  std::string written;
  holdfast::AppendJsonString(written, text);
  JsonReader first(written);
  if (first.Next() != JsonToken::kString || first.Next() != JsonToken::kEnd) std::abort();
  std::string rewritten;
  holdfast::AppendJsonString(rewritten, first.Text());
  // Not the same as `text` where that was no UTF-8: the first writing mends it.
  if (rewritten != written) std::abort();
}

}  // namespace

// Every document ends within as many tokens as it has bytes, brackets are balanced and not too
// deep, and passing over a value ends where reading it does.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(bytes), size);
  JsonReader reader(json);
  JsonReader skipping(json);
  const JsonToken skipped = skipping.Skip(skipping.Next());
  std::size_t depth = 0;
  for (std::size_t tokens = 0;; ++tokens) {
    if (tokens > size + 1) std::abort();
    const JsonToken token = reader.Next();
    switch (token) {
      case JsonToken::kBeginObject:
      case JsonToken::kBeginArray:
        if (++depth > JsonReader::kDepthMax) std::abort();
        continue;
      case JsonToken::kEndObject:
      case JsonToken::kEndArray:
        if (depth-- == 0) std::abort();
        continue;
      case JsonToken::kKey:
      case JsonToken::kString:
        CheckString(reader);
        continue;
      case JsonToken::kEnd:
        if (depth != 0 || skipped == JsonToken::kError) std::abort();
        return 0;
      case JsonToken::kError:
        if (skipped != JsonToken::kError) std::abort();
        if (reader.error().message != skipping.error().message) std::abort();
        return 0;
      default:
        continue;
    }
  }
}
