// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "image/decode.h"

namespace holdfast {

// How a stored picture must be moved to stand upright. EXIF's numbers.
enum class Orientation : std::uint8_t {
  kUpright = 1,
  kMirrored,
  kUpsideDown,
  kMirroredUpsideDown,
  kTransposed,
  kQuarterTurnClockwise,  // A phone held upright: the camera's most frequent.
  kTransversed,
  kQuarterTurnCounterclockwise,
};

// Moves the pixels of `image` so that it stands upright, as PIL.ImageOps.exif_transpose does.
// Throws std::bad_alloc.
void TurnUpright(Orientation orientation, Image& image);

}  // namespace holdfast
