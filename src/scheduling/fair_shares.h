// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>

#include "base/strong_id.h"
#include "base/time.h"

namespace holdfast {

// Whose turn it is when several servables have work for fewer places than they have workers:
// start-time fair queueing. Each is charged the time that its items take; the one that has been
// charged least comes first. One that had no work for a while starts level with the others, and has
// saved nothing up.
class FairShares {
 public:
  // The servable has work again after it had none.
  void Arrive(ServableId servable) {
    Duration& charged = charged_[servable];
    charged = std::max(charged, level_);
  }
  // One of its items was given a place.
  void Charge(ServableId servable, Duration time) {
    Duration& charged = charged_[servable];
    level_ = std::max(level_, charged);
    // Without a measured time turns are taken.
    charged += std::max<Duration>(time, std::chrono::microseconds(1));
  }
  void Forget(ServableId servable) { charged_.erase(servable); }

  bool Before(ServableId one, ServableId other) const { return Charged(one) < Charged(other); }

 private:
  Duration Charged(ServableId servable) const {
    const auto entry = charged_.find(servable);
    return entry == charged_.end() ? level_ : entry->second;
  }

  Duration level_{0};  // Of the one that was served last.
  std::map<ServableId, Duration> charged_;
};

}  // namespace holdfast
