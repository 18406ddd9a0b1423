// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"

namespace holdfast {

// Digests of images that killed their workers. They are refused for a while, so that a client or a
// load balancer that retries cannot walk one bad image through the fleet.
class Quarantine {
 public:
  struct Options {
    Duration period = std::chrono::minutes(10);
    std::size_t entries_max = 4096;  // The oldest leaves first.
  };
  explicit Quarantine(Options options) : options_(options) {}

  void Add(const std::string& digest, TimePoint now) {
    Expire(now);
    if (!until_.emplace(digest, now + options_.period).second) return;
    order_.push_back(digest);
    if (order_.size() > options_.entries_max) RemoveOldest();
  }

  bool Contains(const std::string& digest, TimePoint now) {
    Expire(now);
    return until_.contains(digest);
  }

  // Cheap: lets the caller skip hashing while nothing is quarantined.
  bool Empty(TimePoint now) {
    Expire(now);
    return until_.empty();
  }
  std::size_t size() const { return until_.size(); }

  struct Entry {
    std::string digest;
    Duration expires_in;
  };
  // The oldest first.
  std::vector<Entry> List(TimePoint now) {
    Expire(now);
    std::vector<Entry> entries;
    for (const std::string& digest : order_) entries.push_back({digest, until_.at(digest) - now});
    return entries;
  }

  // Lets all of them be tried again. Returns how many there were.
  std::size_t Clear() {
    const std::size_t count = until_.size();
    until_.clear();
    order_.clear();
    return count;
  }

 private:
  void RemoveOldest() {
    until_.erase(order_.front());
    order_.pop_front();
  }
  void Expire(TimePoint now) {
    while (!order_.empty() && until_.at(order_.front()) <= now) RemoveOldest();
  }

  Options options_;
  std::unordered_map<std::string, TimePoint> until_;
  std::deque<std::string> order_;  // Oldest first; the period is the same for all.
};

}  // namespace holdfast
