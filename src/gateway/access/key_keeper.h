// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "gateway/access/api_keys.h"

namespace holdfast {

// Lets requests in by the keys that they show. Lives on the gateway's loop.
class KeyKeeper {
 public:
  // Of one request: kOk, kUnauthenticated or kRateLimited.
  struct Verdict {
    Reason reason = Reason::kOk;
    Duration retry_after{0};
    std::string_view words;  // For the client; static.
    std::string_view name;   // Of the key, if it is known; valid until the keys are replaced.
  };

  // From here on these are asked for. What a name has used of its quota stays used.
  void Use(std::vector<ApiKey> keys, TimePoint now);

  bool on() const { return !keys_.empty(); }
  std::size_t size() const { return keys_.size(); }
  // Counts the request against its key's quota. Without keys everybody is let in.
  Verdict Judge(std::string_view key, TimePoint now);

 private:
  std::vector<ApiKey> keys_;
  std::map<std::string, std::pair<Quota, TokenBucket>, std::less<>> buckets_;  // By name.
};

// The key in an Authorization header's value, "Bearer KEY"; empty if it holds none.
std::string_view BearerKey(std::string_view authorization);

}  // namespace holdfast
