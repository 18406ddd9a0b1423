// SPDX-License-Identifier: Apache-2.0
#include "gateway/report/request_record.h"

#include <algorithm>

namespace holdfast {

void RequestRecord::Answered(const std::vector<ItemOutcome>& outcomes) {
  items = outcomes.size();
  for (const ItemOutcome& outcome : outcomes) {
    attempts = std::max(attempts, outcome.attempts);
    if (reason == Reason::kOk) reason = outcome.reason;
    item_times.push_back(outcome.times);
  }
}

}  // namespace holdfast
