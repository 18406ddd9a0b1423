// SPDX-License-Identifier: Apache-2.0
#include "gateway/access/token_bucket.h"

#include <algorithm>

namespace holdfast {

TokenBucket::TokenBucket(const Quota& quota, TimePoint now)
    : a_request_(Duration(std::chrono::seconds(1)) / quota.per_second),
      most_(a_request_ * quota.burst),
      empty_at_(now - most_) {}

Duration TokenBucket::Take(TimePoint now) {
  empty_at_ = std::max(empty_at_, now - most_);
  const Duration saved = now - empty_at_;
  if (saved < a_request_) return a_request_ - saved;
  empty_at_ += a_request_;
  return Duration::zero();
}

}  // namespace holdfast
