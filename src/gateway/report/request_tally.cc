// SPDX-License-Identifier: Apache-2.0
#include "gateway/report/request_tally.h"

#include <algorithm>

namespace holdfast {

void RequestTally::Add(int status, Reason reason, Duration latency, std::int64_t unix_ms) {
  if (status == 200) {
    ++answered_;
    const auto* const bound = std::ranges::lower_bound(kBoundsMs, Milliseconds(latency));
    ++latencies_.at(static_cast<std::size_t>(bound - kBoundsMs.begin()));
    return;
  }
  if (status == 429 || status == 503) {
    ++refused_;
  } else if (status >= 500) {
    ++failed_;
  } else {
    ++mistakes_;
  }
  Error& error = errors_[reason];
  ++error.count;
  error.last_unix_ms = unix_ms;
}

}  // namespace holdfast
