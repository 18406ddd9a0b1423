// SPDX-License-Identifier: Apache-2.0
#include "gateway/idempotent_answers.h"

#include <algorithm>

namespace holdfast {
namespace {

constexpr std::size_t kKeyMax = 255;
constexpr std::size_t kOverhead = 512;  // Of an entry's nodes and strings, roughly.

// Whether the same request would get this answer again. A fault of the server, or a limit, may be
// over by the next try.
bool IsFinal(int status) {
  constexpr int kRequestTimeout = 408;
  constexpr int kTooManyRequests = 429;
  constexpr int kServerErrors = 500;
  return status < kServerErrors && status != kRequestTimeout && status != kTooManyRequests;
}

}  // namespace

Status CheckIdempotencyKey(std::string_view key) {
  const bool visible =
      std::ranges::all_of(key, [](char letter) { return letter > ' ' && letter <= '~'; });
  if (!key.empty() && key.size() <= kKeyMax && visible) return {};
  return Error{Reason::kBadRequest, "an Idempotency-Key has 1 to 255 visible ASCII characters"};
}

IdempotentAnswers::Turn IdempotentAnswers::Begin(const std::string& key, const std::string& request,
                                                 TimePoint now) {
  while (!kept_.empty() && kept_.front().first + limits_.lifetime <= now) DropOldest();
  const auto [place, is_new] = entries_.try_emplace(key);
  Entry& entry = place->second;
  if (is_new) {
    entry.request = request;
    return Turn::kRun;
  }
  if (entry.request != request) return Turn::kReused;
  return entry.running ? Turn::kWait : Turn::kReplay;
}

void IdempotentAnswers::End(const std::string& key, const HttpAnswer* answer, TimePoint now) {
  const auto place = entries_.find(key);
  Entry& entry = place->second;
  const std::vector<Wake> waiting = std::move(entry.waiting);
  const std::size_t bytes = answer == nullptr ? 0 : SizeOf(key, entry, *answer);
  if (answer != nullptr && IsFinal(answer->status) && bytes <= limits_.bytes_max) {
    entry.running = false;
    entry.waiting.clear();
    entry.answer = *answer;
    entry.bytes = bytes;
    bytes_ += bytes;
    kept_.emplace_back(now, key);
    while (bytes_ > limits_.bytes_max) DropOldest();
  } else {
    entries_.erase(place);
  }
  for (const Wake& wake : waiting) wake();
}

void IdempotentAnswers::DropOldest() {
  const auto place = entries_.find(kept_.front().second);
  bytes_ -= place->second.bytes;
  entries_.erase(place);
  kept_.pop_front();
}

std::size_t IdempotentAnswers::SizeOf(const std::string& key, const Entry& entry,
                                      const HttpAnswer& answer) const {
  std::size_t bytes = kOverhead + 2 * key.size() + entry.request.size() + answer.body.size();
  for (const auto& [name, value] : answer.headers) bytes += name.size() + value.size();
  return bytes;
}

}  // namespace holdfast
