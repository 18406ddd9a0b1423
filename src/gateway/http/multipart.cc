// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/multipart.h"

#include <algorithm>
#include <optional>
#include <string>

#include "gateway/call/bad_request.h"
#include "gateway/http/ascii.h"

namespace holdfast {
namespace {

constexpr std::size_t kBoundaryMax = 70;  // RFC 2046.
constexpr std::size_t kPartsMax = 16;

// The value of `; key=value` or `; key="value"` in a header; the key's case does not matter.
std::optional<std::string_view> Parameter(std::string_view header, std::string_view key) {
  const std::string lower = LowerAscii(header);
  for (std::size_t at = lower.find(';'); at != std::string::npos; at = lower.find(';', at + 1)) {
    const std::size_t name = std::min(lower.find_first_not_of(" \t", at + 1), lower.size());
    if (lower.compare(name, key.size(), key) != 0) continue;
    const std::size_t equals = name + key.size();
    if (equals >= lower.size() || lower[equals] != '=') continue;
    std::string_view value = header.substr(equals + 1);
    if (value.starts_with('"')) {
      value.remove_prefix(1);
      return value.substr(0, value.find('"'));
    }
    return value.substr(0, value.find_first_of("; \t\r\n"));
  }
  return std::nullopt;
}

// The name of the field whose headers these are; empty: they do not say.
std::string_view FieldName(std::string_view headers) {
  while (!headers.empty()) {
    const std::string_view line = headers.substr(0, headers.find("\r\n"));
    headers.remove_prefix(std::min(line.size() + 2, headers.size()));
    if (LowerAscii(line.substr(0, 20)).starts_with("content-disposition:")) {
      return Parameter(line, "name").value_or("");
    }
  }
  return {};
}

}  // namespace

Result<ByteView> FindFormField(std::string_view content_type, ByteView body,
                               std::string_view name) {
  const auto boundary = Parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kBoundaryMax) {
    return BadRequest("the form's content type has no boundary");
  }
  const std::string delimiter = "\r\n--" + std::string(*boundary);
  std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
  // The first delimiter may stand at the very beginning, without a line break before it.
  if (text.starts_with(std::string_view(delimiter).substr(2))) {
    text.remove_prefix(delimiter.size() - 2);
  } else if (const std::size_t first = text.find(delimiter); first != std::string_view::npos) {
    text.remove_prefix(first + delimiter.size());
  } else {
    return BadRequest("the form does not begin with its boundary");
  }
  std::optional<std::string_view> found;
  for (std::size_t part = 0; !text.starts_with("--"); ++part) {
    if (part == kPartsMax) return BadRequest("the form has too many fields");
    const std::size_t head = text.find("\r\n");  // Only spaces may stand before it.
    const std::size_t blank = text.find("\r\n\r\n", head);
    const std::size_t end =
        blank == std::string_view::npos ? blank : text.find(delimiter, blank + 2);
    if (end == std::string_view::npos) return BadRequest("the form ends in the middle of a field");
    const std::string_view field = text.substr(head, blank - head);
    const std::size_t content = std::min(blank + 4, end);
    if (!found || FieldName(field) == name) found = text.substr(content, end - content);
    if (FieldName(field) == name) break;
    text.remove_prefix(end + delimiter.size());
  }
  if (!found) return BadRequest("the form has no field");
  return ByteView(reinterpret_cast<const std::uint8_t*>(found->data()), found->size());
}

}  // namespace holdfast
