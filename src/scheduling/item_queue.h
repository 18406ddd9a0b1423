// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <utility>

#include "base/strong_id.h"
#include "base/time.h"

namespace holdfast {

// Items that wait, the earliest deadline first and the oldest first among equals. A rescued item
// keeps its deadline, so it comes before what arrived later. Its owner bounds it.
class ItemQueue {
 public:
  void Push(ItemId item, TimePoint deadline) { entries_.emplace(deadline, item); }
  void Remove(ItemId item, TimePoint deadline) { entries_.erase({deadline, item}); }

  std::optional<ItemId> Front() const {
    if (entries_.empty()) return std::nullopt;
    return entries_.begin()->second;
  }
  TimePoint FrontDeadline() const { return entries_.empty() ? kNever : entries_.begin()->first; }
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

 private:
  std::set<std::pair<TimePoint, ItemId>> entries_;
};

}  // namespace holdfast
