// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tensor/preprocessing.h"

namespace holdfast {

// A picture, or a part of one, in somebody else's memory: 8-bit RGB, `stride` bytes from row to
// row.
struct RgbView {
  const std::uint8_t* pixels = nullptr;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::size_t stride = 0;
};

// Consecutive pixels of one axis of a picture resized to `size` pixels.
struct ResizedSpan {
  std::uint64_t size = 0;
  std::uint64_t first = 0;
  std::uint32_t count = 0;  // first + count ≤ size.
};

// Pillow's antialiased resize, bit for bit: a horizontal pass, rounded to 8 bits, then a vertical
// one, in fixed point. Only the wanted window of the result is computed; that changes no pixel.
// Keeps its working memory for the next call.
class Resizer {
 public:
  // Resizes `source` to columns.size × rows.size and writes the window columns × rows of that to
  // `target`, `target_stride` bytes from row to row. Throws std::bad_alloc.
  void Resize(const RgbView& source, ResizeFilter filter, const ResizedSpan& columns,
              const ResizedSpan& rows, std::uint8_t* target, std::size_t target_stride);

  // How each output pixel of an axis is summed: `count` source pixels from first[i] on, whose
  // weights are weights[i · count] and so on. All have the same count, filled up with weights of 0:
  // the processor foresees a loop of one length.
  struct Axis {
    std::uint32_t count = 0;
    std::vector<std::uint32_t> first;
    std::vector<std::int32_t> weights;  // 22 bits of fraction.
  };

 private:
  Axis horizontal_;
  Axis vertical_;
  std::vector<double> exact_weights_;
  std::vector<std::uint8_t> narrowed_;  // Source rows after the horizontal pass.
  std::vector<std::uint8_t> last_row_;  // A copy that may be read one byte beyond its end.
  std::vector<std::int32_t> sums_;      // One output row before it is rounded, and one more.
};

}  // namespace holdfast
