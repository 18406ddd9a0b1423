// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace holdfast {

// A PNG of 64 × 64 pixels that differs from seed to seed, made without a codec: for a client that
// has no photo at hand.
std::vector<std::uint8_t> GeneratedPicture(std::uint32_t seed);

}  // namespace holdfast
