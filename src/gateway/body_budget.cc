// SPDX-License-Identifier: Apache-2.0
#include "gateway/body_budget.h"

#include <utility>

namespace holdfast {

void BodyBudget::Watch(ReadMemoryLimit read) {
  read_ = std::move(read);
  Refresh();
}

void BodyBudget::Refresh() {
  if (!read_) return;
  const std::optional<std::uint64_t> limit = read_();
  memory_share_ = limit.has_value() ? *limit / kMemoryParts : kNoLimit;
  taken_ = 0;
}

bool BodyBudget::Takes(std::size_t bytes, std::size_t queued) {
  const std::size_t held = queued + reserved_;
  if (!Fits(bytes, held)) return false;  // A refusal costs no reading: it may come very often.
  taken_ += bytes;
  if (taken_ <= kTrustedBytes) return true;
  Refresh();
  return Fits(bytes, held);
}

// One body alone is let in under any memory limit: to come back later would not make it smaller.
bool BodyBudget::Fits(std::size_t bytes, std::size_t held) const {
  return held + bytes <= bytes_max_ && (held == 0 || held + bytes <= memory_share_);
}

}  // namespace holdfast
