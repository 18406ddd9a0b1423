// SPDX-License-Identifier: Apache-2.0
#include "gateway/report/request_tally.h"

#include <algorithm>

#include "gateway/report/request_ending.h"

namespace holdfast {

void RequestTally::Add(int status, Reason reason, Duration latency, std::int64_t unix_ms) {
  switch (EndingOf(status)) {
    case RequestEnding::kAnswered: {
      ++answered_;
      const auto* const bound = std::ranges::lower_bound(kBoundsMs, Milliseconds(latency));
      ++latencies_.at(static_cast<std::size_t>(bound - kBoundsMs.begin()));
      return;
    }
    case RequestEnding::kRefused:
      ++refused_;
      break;
    case RequestEnding::kFailed:
      ++failed_;
      break;
    case RequestEnding::kMistake:
      ++mistakes_;
      break;
  }
  Error& error = errors_[reason];
  ++error.count;
  error.last_unix_ms = unix_ms;
}

}  // namespace holdfast
