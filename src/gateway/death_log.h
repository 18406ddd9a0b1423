// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include "base/death_cause.h"
#include "base/strong_id.h"
#include "ipc/death_report.h"

namespace holdfast {

// One worker's end, with what is needed to bring it about again.
struct Death {
  double unix_time = 0;  // Seconds.
  std::string model;     // "resnet50/1".
  SlotId slot;
  Generation generation;
  DeathCause cause = DeathCause::kUnknown;
  DeathReport report;
  std::string request_id;  // Of the request that it had on board; empty: none.
  std::string digest;      // Of that request's image, SHA-256 in hex.
};

// The last deaths, the newest first. What came before is in the log.
class DeathLog {
 public:
  static constexpr std::size_t kDeathsMax = 64;

  void Add(Death death) {
    deaths_.push_front(std::move(death));
    if (deaths_.size() > kDeathsMax) deaths_.pop_back();
  }
  const std::deque<Death>& deaths() const { return deaths_; }

 private:
  std::deque<Death> deaths_;
};

}  // namespace holdfast
