// SPDX-License-Identifier: Apache-2.0
#include "image/orientation.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace holdfast {
namespace {

// Pixels of a square tile: a quarter turn reads columns, and a tile of both pictures stays in the
// first-level cache.
constexpr std::uint32_t kTile = 32;

// Where the turned picture's pixel (x, y) lies in the stored one: origin + x · right + y · down.
struct Path {
  std::ptrdiff_t origin;
  std::ptrdiff_t right;
  std::ptrdiff_t down;
};

Path PathOf(Orientation orientation, std::ptrdiff_t width, std::ptrdiff_t height) {
  const std::ptrdiff_t pixel = 3;
  const std::ptrdiff_t row = width * pixel;
  const std::ptrdiff_t last_column = row - pixel;
  const std::ptrdiff_t last_row = (height - 1) * row;
  switch (orientation) {
    case Orientation::kMirrored:
      return {last_column, -pixel, row};
    case Orientation::kUpsideDown:
      return {last_row + last_column, -pixel, -row};
    case Orientation::kMirroredUpsideDown:
      return {last_row, pixel, -row};
    case Orientation::kTransposed:
      return {0, row, pixel};
    case Orientation::kQuarterTurnClockwise:
      return {last_row, -row, pixel};
    case Orientation::kTransversed:
      return {last_row + last_column, -row, -pixel};
    case Orientation::kQuarterTurnCounterclockwise:
      return {last_column, row, -pixel};
    case Orientation::kUpright:
      break;
  }
  return {0, pixel, row};
}

}  // namespace

void TurnUpright(Orientation orientation, Image& image) {
  if (orientation == Orientation::kUpright) return;
  const Path path = PathOf(orientation, image.width, image.height);
  const bool swaps_sides = orientation >= Orientation::kTransposed;
  const std::uint32_t width = swaps_sides ? image.height : image.width;
  const std::uint32_t height = swaps_sides ? image.width : image.height;
  std::vector<std::uint8_t> turned(image.rgb.size());
  for (std::uint32_t top = 0; top < height; top += kTile) {
    const std::uint32_t bottom = std::min(top + kTile, height);
    for (std::uint32_t left = 0; left < width; left += kTile) {
      const std::uint32_t right = std::min(left + kTile, width);
      for (std::uint32_t y = top; y < bottom; ++y) {
        const std::uint8_t* from = image.rgb.data() + path.origin + path.down * y +
                                   path.right * static_cast<std::ptrdiff_t>(left);
        std::uint8_t* to = turned.data() + (std::size_t{y} * width + left) * 3;
        for (std::uint32_t x = left; x < right; ++x, to += 3) {
          to[0] = from[0];
          to[1] = from[1];
          to[2] = from[2];
          // No step after the last pixel: it could lead out of the picture.
          if (x + 1 < right) from += path.right;
        }
      }
    }
  }
  image.rgb.swap(turned);
  image.width = width;
  image.height = height;
}

}  // namespace holdfast
