// SPDX-License-Identifier: Apache-2.0
#include "gateway/access/key_keeper.h"

#include <algorithm>

namespace holdfast {
namespace {

constexpr std::string_view kScheme = "bearer";

constexpr char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

void KeyKeeper::Use(std::vector<ApiKey> keys, TimePoint now) {
  decltype(buckets_) buckets;
  for (const ApiKey& key : keys) {
    if (!key.quota.has_value() || buckets.contains(key.name)) continue;
    const auto before = buckets_.find(key.name);
    const bool same = before != buckets_.end() && before->second.first == *key.quota;
    buckets.emplace(key.name,
                    same ? before->second : std::pair(*key.quota, TokenBucket(*key.quota, now)));
  }
  keys_ = std::move(keys);
  buckets_ = std::move(buckets);
}

KeyKeeper::Verdict KeyKeeper::Judge(std::string_view key, TimePoint now) {
  if (!on()) return {};
  if (key.empty()) {
    return {.reason = Reason::kUnauthenticated,
            .words = "an API key is needed: authorization: Bearer KEY, or x-api-key: KEY"};
  }
  const ApiKey* const known = FindKey(keys_, key);
  if (known == nullptr) {
    return {.reason = Reason::kUnauthenticated, .words = "this API key is not known here"};
  }
  const auto bucket = buckets_.find(known->name);
  if (bucket == buckets_.end()) return {.name = known->name};
  const Duration wait = bucket->second.second.Take(now);
  if (wait == Duration::zero()) return {.name = known->name};
  return {.reason = Reason::kRateLimited,
          .retry_after = wait,
          .words = "this API key has used up its requests per second",
          .name = known->name};
}

std::string_view BearerKey(std::string_view authorization) {
  if (authorization.size() <= kScheme.size() ||
      !std::ranges::equal(authorization.substr(0, kScheme.size()), kScheme, {}, Lower)) {
    return {};
  }
  authorization.remove_prefix(kScheme.size());
  if (authorization.front() != ' ') return {};
  const std::size_t begin = authorization.find_first_not_of(' ');
  return begin == authorization.npos ? std::string_view() : authorization.substr(begin);
}

}  // namespace holdfast
