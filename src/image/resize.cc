// SPDX-License-Identifier: Apache-2.0
#include "image/resize.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/check.h"

// The loops below are compiled twice on x86-64, once for AVX2; the CPU decides at run time.
#if defined(__x86_64__)
#define HOLDFAST_AVX2 __attribute__((target("avx2")))
#endif
#define HOLDFAST_INLINE __attribute__((always_inline)) inline

namespace holdfast {
namespace {

using Axis = Resizer::Axis;

constexpr std::size_t kChannels = 3;
// 32 bits less 8 of the pixel, less 2 for the overshoot of bicubic sums.
constexpr int kWeightBits = 22;
constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

double Bilinear(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double Bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

// Half a filter's width, at a ratio of 1.
double Reach(ResizeFilter filter) { return filter == ResizeFilter::kBicubic ? 2.0 : 1.0; }

std::int32_t ToFixed(double weight) {
  const double scaled = weight * (1 << kWeightBits);
  return static_cast<std::int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

// The source pixels that one output pixel is made of, and where it lies among them.
struct Footprint {
  double center;
  std::int64_t first;
  std::int64_t end;
};

Footprint FootprintOf(std::uint64_t output, double ratio, double reach, std::int64_t source_size) {
  const double center = (static_cast<double>(output) + 0.5) * ratio;
  // Pillow rounds so, too; NOLINTNEXTLINE(bugprone-incorrect-roundings)
  const auto low = static_cast<std::int64_t>(center - reach + 0.5);
  // NOLINTNEXTLINE(bugprone-incorrect-roundings)
  const auto high = static_cast<std::int64_t>(center + reach + 0.5);
  return {center, std::max<std::int64_t>(low, 0), std::min(high, source_size)};
}

// The order of these floating-point operations is Pillow's; another one rounds otherwise.
void Plan(std::uint32_t source_size, const ResizedSpan& span, ResizeFilter filter,
          std::vector<double>& exact, Axis& axis) {
  const double ratio = static_cast<double>(source_size) / static_cast<double>(span.size);
  const double stretch = std::max(ratio, 1.0);  // When shrinking, the filter widens.
  const double reach = Reach(filter) * stretch;
  const double shrink = 1.0 / stretch;
  axis.count = 0;
  for (std::uint32_t i = 0; i < span.count; ++i) {
    const auto [center, first, end] = FootprintOf(span.first + i, ratio, reach, source_size);
    axis.count = std::max(axis.count, static_cast<std::uint32_t>(end - first));
  }
  axis.first.resize(span.count);
  axis.weights.assign(std::size_t{span.count} * axis.count, 0);
  for (std::uint32_t i = 0; i < span.count; ++i) {
    const auto [center, first, end] = FootprintOf(span.first + i, ratio, reach, source_size);
    exact.clear();
    double sum = 0.0;
    for (std::int64_t x = first; x < end; ++x) {
      const double position = (static_cast<double>(x) - center + 0.5) * shrink;
      exact.push_back(filter == ResizeFilter::kBicubic ? Bicubic(position) : Bilinear(position));
      sum += exact.back();
    }
    // Near the far edge the sum begins earlier, so that it does not leave the picture.
    const auto start = std::min(static_cast<std::uint32_t>(first), source_size - axis.count);
    axis.first[i] = start;
    std::int32_t* weights = &axis.weights[std::size_t{i} * axis.count];
    weights += first - start;
    for (const double weight : exact) *weights++ = ToFixed(sum != 0.0 ? weight / sum : weight);
  }
}

HOLDFAST_INLINE std::uint8_t ToPixel(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

// Vectors of the CPU, as g++ and clang both know them.
using Bytes16 __attribute__((vector_size(16))) = std::uint8_t;
using Ints4 __attribute__((vector_size(16))) = std::int32_t;

// Red, green, blue and one byte that is not ours, a lane each. (A conversion of four bytes would do
// the same; g++ makes four moves of it.)
HOLDFAST_INLINE Ints4 LoadPixel(const std::uint8_t* pixel) {
  static_assert(std::endian::native == std::endian::little);
  std::int32_t packed = 0;
  std::memcpy(&packed, pixel, sizeof(packed));
  const auto bytes = std::bit_cast<Bytes16>(Ints4{packed, 0, 0, 0});
  const Bytes16 zero{};
  return std::bit_cast<Ints4>(__builtin_shufflevector(bytes, zero, 0, 16, 16, 16, 1, 16, 16, 16, 2,
                                                      16, 16, 16, 3, 16, 16, 16));
}

// Reads one byte beyond the last pixel of the last sum. `sums` has room for one number more than a
// row of the target has bytes.
HOLDFAST_INLINE void NarrowRow(const std::uint8_t* source, const Axis& axis, std::int32_t* sums,
                               std::uint8_t* target) {
  const std::uint32_t count = axis.count;
  const std::int32_t* weights = axis.weights.data();
  std::int32_t* next = sums;
  for (const std::uint32_t first : axis.first) {
    const std::uint8_t* pixel = source + first * kChannels;
    Ints4 sum = {kHalf, kHalf, kHalf, kHalf};
    for (std::uint32_t i = 0; i < count; ++i) sum += LoadPixel(pixel + i * kChannels) * weights[i];
    // The fourth number is overwritten by the next pixel's first.
    std::memcpy(next, &sum, sizeof(sum));
    next += kChannels;
    weights += count;
  }
  const std::size_t row_bytes = axis.first.size() * kChannels;
  for (std::size_t i = 0; i < row_bytes; ++i) target[i] = ToPixel(sums[i]);
}

HOLDFAST_INLINE void BlendRows(const std::uint8_t* source, std::size_t row_bytes,
                               const std::int32_t* weights, std::uint32_t count, std::int32_t* sums,
                               std::uint8_t* target) {
  std::fill_n(sums, row_bytes, kHalf);
  for (std::uint32_t row = 0; row < count; ++row, source += row_bytes) {
    const std::int32_t weight = weights[row];
    for (std::size_t i = 0; i < row_bytes; ++i) sums[i] += source[i] * weight;
  }
  for (std::size_t i = 0; i < row_bytes; ++i) target[i] = ToPixel(sums[i]);
}

using NarrowRowFunction = void (*)(const std::uint8_t*, const Axis&, std::int32_t*, std::uint8_t*);
using BlendRowsFunction = void (*)(const std::uint8_t*, std::size_t, const std::int32_t*,
                                   std::uint32_t, std::int32_t*, std::uint8_t*);
struct Kernels {
  NarrowRowFunction narrow_row;
  BlendRowsFunction blend_rows;
};

void NarrowRowPortable(const std::uint8_t* source, const Axis& axis, std::int32_t* sums,
                       std::uint8_t* target) {
  NarrowRow(source, axis, sums, target);
}
void BlendRowsPortable(const std::uint8_t* source, std::size_t row_bytes,
                       const std::int32_t* weights, std::uint32_t count, std::int32_t* sums,
                       std::uint8_t* target) {
  BlendRows(source, row_bytes, weights, count, sums, target);
}

#if defined(HOLDFAST_AVX2)
HOLDFAST_AVX2 void NarrowRowAvx2(const std::uint8_t* source, const Axis& axis, std::int32_t* sums,
                                 std::uint8_t* target) {
  NarrowRow(source, axis, sums, target);
}
HOLDFAST_AVX2 void BlendRowsAvx2(const std::uint8_t* source, std::size_t row_bytes,
                                 const std::int32_t* weights, std::uint32_t count,
                                 std::int32_t* sums, std::uint8_t* target) {
  BlendRows(source, row_bytes, weights, count, sums, target);
}
#endif

Kernels BestKernels() {
#if defined(HOLDFAST_AVX2)
  if (__builtin_cpu_supports("avx2")) return {NarrowRowAvx2, BlendRowsAvx2};
#endif
  return {NarrowRowPortable, BlendRowsPortable};
}

}  // namespace

void Resizer::Resize(const RgbView& source, ResizeFilter filter, const ResizedSpan& columns,
                     const ResizedSpan& rows, std::uint8_t* target, std::size_t target_stride) {
  CHECK(source.width > 0 && source.height > 0);
  CHECK(columns.count > 0 && columns.first + columns.count <= columns.size);
  CHECK(rows.count > 0 && rows.first + rows.count <= rows.size);
  static const Kernels kernels = BestKernels();
  Plan(source.width, columns, filter, exact_weights_, horizontal_);
  Plan(source.height, rows, filter, exact_weights_, vertical_);

  // Sums move on with the output, so the first and the last name all source rows in between.
  const std::uint32_t top = vertical_.first.front();
  const std::uint32_t bottom = vertical_.first.back() + vertical_.count;
  const std::size_t row_bytes = std::size_t{columns.count} * kChannels;
  sums_.resize(row_bytes + 1);
  narrowed_.resize((bottom - top) * row_bytes);
  for (std::uint32_t y = top; y < bottom; ++y) {
    const std::uint8_t* row = source.pixels + y * source.stride;
    if (y + 1 == source.height) {
      // Behind any other row there is at least the next one's first byte.
      last_row_.assign(row, row + source.width * kChannels);
      last_row_.push_back(0);
      row = last_row_.data();
    }
    kernels.narrow_row(row, horizontal_, sums_.data(), narrowed_.data() + (y - top) * row_bytes);
  }
  for (std::uint32_t y = 0; y < rows.count; ++y) {
    kernels.blend_rows(narrowed_.data() + (vertical_.first[y] - top) * row_bytes, row_bytes,
                       &vertical_.weights[std::size_t{y} * vertical_.count], vertical_.count,
                       sums_.data(), target + y * target_stride);
  }
}

}  // namespace holdfast
