// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/strong_id.h"
#include "base/time.h"
#include "simulation/findings.h"

namespace holdfast::simulation {

// What an item does to whoever runs it.
enum class Nature { kGood, kCrashes, kHangs, kGivesGarbage, kOverflows };

enum class Fate { kOffered, kShed, kAdmitted, kAnswered, kRefused, kCancelled, kLostWithGateway };

// The truth about an item, which the scheduler can only infer.
struct ItemTruth {
  ServableId servable;
  TimePoint deadline;
  std::size_t bytes = 1;
  Nature nature = Nature::kGood;
  Fate fate = Fate::kOffered;
  std::uint32_t dispatches = 0;
  std::uint32_t own_deaths = 0;  // Begun with it on board, and not from outside.
  std::uint32_t garbage = 0;     // Of these: invalid outputs.
  std::uint32_t unheard = 0;     // Of these: the gateway never learns the cause in time.
  std::uint32_t doubts = 0;      // Invalid answers that may be its own doing: it is a tensor.
  bool is_tensor = false;
};

// Every item that was ever offered. Each is admitted at most once and finished exactly once.
class Ledger {
 public:
  explicit Ledger(Findings& findings) : findings_(findings) {}

  ItemId Open(const ItemTruth& truth) {
    items_.push_back(truth);
    return ItemId{items_.size() - 1};
  }
  ItemTruth& operator[](ItemId item) { return items_.at(item.value); }
  std::size_t size() const { return items_.size(); }
  std::size_t Count(Fate fate) const { return counts_[static_cast<std::size_t>(fate)]; }
  std::size_t live() const { return live_; }
  std::size_t live_bytes() const { return live_bytes_; }

  void Shed(ItemId item) { Move(item, Fate::kOffered, Fate::kShed); }
  void Admit(ItemId item) {
    Move(item, Fate::kOffered, Fate::kAdmitted);
    ++live_;
    live_bytes_ += items_[item.value].bytes;
  }
  void Finish(ItemId item, Fate fate) {
    Move(item, Fate::kAdmitted, fate);
    --live_;
    live_bytes_ -= items_[item.value].bytes;
  }
  // A gateway takes what it holds with it.
  void LoseAll() {
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (items_[i].fate == Fate::kAdmitted) Finish(ItemId{i}, Fate::kLostWithGateway);
    }
  }

 private:
  void Move(ItemId item, Fate from, Fate to) {
    findings_.Require(items_[item.value].fate == from, "item {} goes to {} from {}, not from {}",
                      item.value, static_cast<int>(to), static_cast<int>(items_[item.value].fate),
                      static_cast<int>(from));
    items_[item.value].fate = to;
    ++counts_[static_cast<std::size_t>(to)];
  }

  Findings& findings_;
  std::vector<ItemTruth> items_;
  std::size_t counts_[7] = {};
  std::size_t live_ = 0;
  std::size_t live_bytes_ = 0;
};

}  // namespace holdfast::simulation
