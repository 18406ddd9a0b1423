// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace holdfast {

// An integer that does not mix with another kind of integer.
template <class Tag, class Number>
struct StrongId {
  Number value = 0;
  constexpr auto operator<=>(const StrongId&) const = default;
};

using SlotId = StrongId<struct SlotTag, std::uint32_t>;            // A worker's place.
using Generation = StrongId<struct GenerationTag, std::uint32_t>;  // nth process in a slot.
using ItemId = StrongId<struct ItemTag, std::uint64_t>;            // One image or tensor row.
using ServableId = StrongId<struct ServableTag, std::uint32_t>;    // A loaded model version.

}  // namespace holdfast

template <class Tag, class Number>
struct std::hash<holdfast::StrongId<Tag, Number>> {
  std::size_t operator()(holdfast::StrongId<Tag, Number> id) const noexcept {
    return std::hash<Number>{}(id.value);
  }
};
