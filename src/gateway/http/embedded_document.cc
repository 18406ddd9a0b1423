// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/embedded_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "gateway/encoding/json_writer.h"

namespace holdfast {
namespace {

// RFC 9110, 13.1.2: a list of tags, of which one may be weak; or *.
bool IsNamed(std::string_view if_none_match, std::string_view entity_tag) {
  if (if_none_match == "*") return true;
  while (!if_none_match.empty()) {
    std::string_view tag = if_none_match.substr(0, if_none_match.find(','));
    if_none_match.remove_prefix(std::min(tag.size() + 1, if_none_match.size()));
    while (tag.starts_with(' ')) tag.remove_prefix(1);
    while (tag.ends_with(' ')) tag.remove_suffix(1);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == entity_tag) return true;
  }
  return false;
}

}  // namespace

HttpAnswer AnswerDocument(std::span<const EmbeddedDocument> documents, std::string_view name,
                          std::string_view if_none_match, std::string_view request_id) {
  const auto found = std::ranges::find(documents, name, &EmbeddedDocument::name);
  if (found == documents.end()) {
    std::string known;
    for (const EmbeddedDocument& document : documents) {
      known += fmt::format("{}{}", known.empty() ? "" : ", ", document.name);
    }
    return RenderError(Reason::kNotFound,
                       fmt::format("no such document: {}; there are {}", Excerpt(name), known),
                       Duration::zero(), request_id);
  }
  HttpAnswer answer;
  if (IsNamed(if_none_match, found->entity_tag)) answer.status = 304;
  answer.content_type = found->media_type;
  answer.body.assign(found->content.begin(), found->content.end());
  answer.headers.emplace_back("ETag", found->entity_tag);
  // It changes with the server's version only, but then at once.
  answer.headers.emplace_back("Cache-Control", "no-cache");
  return answer;
}

}  // namespace holdfast
