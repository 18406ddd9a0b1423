// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <variant>

#include "base/death_cause.h"
#include "base/reason.h"
#include "base/strong_id.h"
#include "base/time.h"

namespace holdfast {

// What the scheduler tells its shell to do. The shell carries decisions out in their order.

// Send `item` to the worker in `slot`.
struct Dispatch {
  ItemId item;
  SlotId slot;
  Generation generation;
  std::uint32_t attempt;  // 1 for the first.
};

// Answer `item` with an error; it is forgotten here.
struct Refuse {
  ItemId item;
  Reason reason;
  std::uint32_t attempts;
};

// `item` went back into the queue because its worker failed. Nothing to do but to count it.
struct Rescued {
  ItemId item;
  SlotId from;
};

// End the worker in `slot` and forget its channel.
struct Recycle {
  SlotId slot;
  Generation generation;
  DeathCause cause;
};

using Decision = std::variant<Dispatch, Refuse, Rescued, Recycle>;

}  // namespace holdfast
