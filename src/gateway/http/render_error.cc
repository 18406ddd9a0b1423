// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "gateway/encoding/json_writer.h"
#include "gateway/http/face.h"

namespace holdfast {
namespace {

// Reasons that no HTTP request is answered with leave as an internal error, never as a success.
const ReasonEntry& Answerable(Reason reason) {
  const ReasonEntry& entry = Describe(reason);
  return entry.http >= 400 ? entry : Describe(Reason::kInternal);
}

// Rounded up: a client that keeps to the header never comes too early.
template <class Unit>
std::int64_t RoundUp(Duration duration) {
  return std::chrono::ceil<Unit>(duration).count();
}

}  // namespace

HttpAnswer RenderError(Reason reason, std::string_view message, Duration retry_after,
                       std::string_view request_id, std::optional<std::size_t> item,
                       std::string_view type) {
  const ReasonEntry& entry = Answerable(reason);
  std::string text;
  AppendJsonString(text, message.empty() ? "the request failed, no cause is known" : message);

  HttpAnswer answer;
  answer.status = entry.http;
  answer.body = "{\"error\":" + text + ",\"message\":" + text + ",\"code\":";
  AppendJsonInteger(answer.body, entry.http);
  if (!type.empty()) {
    answer.body += ",\"type\":";
    AppendJsonString(answer.body, type);
  }
  answer.body += ",\"reason\":\"";
  answer.body += entry.word;
  answer.body += MayRetry(entry.retry) ? "\",\"retryable\":true" : "\",\"retryable\":false";
  if (retry_after > Duration::zero()) {
    answer.body += ",\"retry_after_ms\":";
    AppendJsonInteger(answer.body, RoundUp<std::chrono::milliseconds>(retry_after));
    answer.headers.emplace_back("Retry-After",
                                std::to_string(RoundUp<std::chrono::seconds>(retry_after)));
  }
  if (entry.reason == Reason::kUnauthenticated) {
    answer.headers.emplace_back("WWW-Authenticate", "Bearer");
  }
  if (!request_id.empty()) {
    answer.body += ",\"request_id\":";
    AppendJsonString(answer.body, request_id);
  }
  if (item) {
    answer.body += ",\"item\":";
    AppendJsonInteger(answer.body, static_cast<std::int64_t>(*item));
  }
  answer.body += "}\n";
  return answer;
}

}  // namespace holdfast
