// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace holdfast {

// Digests of images that killed a model's workers. That model refuses them for a while, so that a
// client or a load balancer that retries cannot walk one bad image through the fleet. Other models
// take them: the fault may be the model's.
class Quarantine {
 public:
  struct Options {
    Duration period = std::chrono::minutes(10);
    std::size_t entries_max = 4096;  // The oldest leaves first.
  };
  explicit Quarantine(Options options) : options_(options) {}

  void Add(const std::string& model, const std::string& digest, TimePoint now) {
    Expire(now);
    const auto [entry, is_new] = until_.try_emplace({model, digest}, now + options_.period);
    if (!is_new) return;
    order_.push_back(entry->first);
    if (order_.size() > options_.entries_max) RemoveOldest();
  }

  bool Contains(const std::string& model, const std::string& digest, TimePoint now) {
    Expire(now);
    return until_.contains({model, digest});
  }

  // Cheap: lets the caller skip hashing while nothing is quarantined.
  bool Empty(TimePoint now) {
    Expire(now);
    return until_.empty();
  }
  std::size_t size() const { return until_.size(); }

  struct Entry {
    std::string model;
    std::string digest;
    Duration expires_in;
  };
  // The oldest first.
  std::vector<Entry> List(TimePoint now) {
    Expire(now);
    std::vector<Entry> entries;
    for (const Key& key : order_) {
      entries.push_back({key.first, key.second, until_.at(key) - now});
    }
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
  using Key = std::pair<std::string, std::string>;  // Model and digest.

  void RemoveOldest() {
    until_.erase(order_.front());
    order_.pop_front();
  }
  void Expire(TimePoint now) {
    while (!order_.empty() && until_.at(order_.front()) <= now) RemoveOldest();
  }

  Options options_;
  std::map<Key, TimePoint> until_;
  std::deque<Key> order_;  // Oldest first; the period is the same for all.
};

}  // namespace holdfast
