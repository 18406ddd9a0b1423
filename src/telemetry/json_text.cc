// SPDX-License-Identifier: Apache-2.0
#include "telemetry/json_text.h"

#include <algorithm>

#include "base/utf8.h"

namespace holdfast {

std::string ReadableText(std::string_view text) {
  std::string readable;
  readable.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = Utf8SequenceLength(text);
    const bool c1_control = length == 2 && text[0] == '\xc2' && text[1] < '\xa0';
    if (length == 0 || c1_control || text[0] == '\x7f') {
      AppendUtf8(readable, 0xfffd);
    } else {
      readable += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return readable;
}

void PutText(JsonWriter& writer, std::string_view text) {
  const std::string readable = ReadableText(text);
  writer.String(readable.data(), static_cast<rapidjson::SizeType>(readable.size()));
}

}  // namespace holdfast
