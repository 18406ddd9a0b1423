// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "gateway/client/metrics_text.h"
#include "gateway/client/server_answer.h"

// The body that some server sends as the answer to /classify, as a refusal of it, or to /metrics:
// what reaches the terminal is short and printable, and counts are counts.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  const auto check = [](const std::string& text, std::size_t bytes_max = 512) {
    const auto unprintable = [](char c) {
      return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
    };
    if (text.size() > bytes_max || std::ranges::any_of(text, unprintable)) std::abort();
  };
  const std::string body(reinterpret_cast<const char*>(bytes), size);
  const Error refusal = RefusalOf({.status = 503, .body = body, .request_id = {}});
  if (refusal.reason == Reason::kOk || refusal.message.empty()) std::abort();
  check(refusal.message, 600);
  const MetricsText metrics = MetricsText::Parse(body);
  std::uint64_t sum = 0;
  for (const auto& [cause, count] : metrics.ByLabel("exits", "cause")) sum += count;
  if (CountedBetween({}, {{"", sum}}).size() != (sum > 0 ? 1 : 0)) std::abort();
  if (metrics.Sum("exits") > std::uint64_t{1} << 53) std::abort();
  const auto answer = ParseClassification(body);
  if (!answer) {
    if (answer.error().message.empty()) std::abort();
    return 0;
  }
  check(answer->model);
  check(answer->version);
  for (const RemotePrediction& prediction : answer->predictions) check(prediction.label);
  return 0;
}
