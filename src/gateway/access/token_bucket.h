// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/time.h"

namespace holdfast {

// So many requests a second, and `burst` of them at once after a pause.
struct Quota {
  std::uint32_t per_second = 1;
  std::uint32_t burst = 1;
  bool operator==(const Quota&) const = default;
};

// Holds requests to a quota. Full at first; time is the caller's.
class TokenBucket {
 public:
  TokenBucket(const Quota& quota, TimePoint now);

  // Zero: the request is within the quota, and counted. Else how long until one would be.
  Duration Take(TimePoint now);

 private:
  Duration a_request_;  // What one request takes of the time saved up.
  Duration most_;       // Of time, saved up: the burst's.
  TimePoint empty_at_;  // Before this instant nothing is left; after it, time has been saved up.
};

}  // namespace holdfast
