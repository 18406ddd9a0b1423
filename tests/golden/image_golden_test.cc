// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <optional>

#include "base/reason.h"
#include "golden_manifest.h"
#include "image/decode.h"
#include "image/preprocessor.h"

namespace holdfast {
namespace {

struct Difference {
  int largest = 0;
  std::size_t count = 0;  // Of differing bytes.
};

// Compares `actual` with its part of the sheet; nothing where the sizes differ.
std::optional<Difference> Compare(const Image& actual, const Image& sheet,
                                  const ExpectedPart& part) {
  if (actual.width != part.width || actual.height != part.height) return std::nullopt;
  Difference difference;
  for (std::size_t y = 0; y < part.height; ++y) {
    for (std::size_t x = 0; x < std::size_t{part.width} * 3; ++x) {
      const int ours = actual.rgb[y * part.width * 3 + x];
      const int theirs = sheet.rgb[(y + part.top) * sheet.width * 3 + x];
      const int apart = std::abs(ours - theirs);
      difference.largest = std::max(difference.largest, apart);
      if (apart != 0) ++difference.count;
    }
  }
  return difference;
}

TEST(ImageGolden, EveryImageIsWithinOneOf255OfPillow) {
  const GoldenManifest manifest = ReadGoldenManifest();
  ASSERT_GE(manifest.images.size(), 48u);
  std::size_t exact = 0;
  for (const GoldenImage& golden : manifest.images) {
    SCOPED_TRACE(golden.file);
    const std::vector<std::uint8_t> encoded = ReadGoldenFile(golden.file);
    ASSERT_EQ(HexSha256(encoded), golden.sha256);
    const Result<Image> sheet = DecodeImage(ReadGoldenFile(golden.sheet), ImageLimits{});
    ASSERT_TRUE(sheet) << sheet.error().message;
    ASSERT_EQ(HexSha256(sheet->rgb), golden.sheet_sha256);
    const Result<Image> decoded = DecodeImage(encoded, ImageLimits{});
    ASSERT_TRUE(decoded) << decoded.error().message;

    Difference worst;
    for (const ExpectedPart& part : golden.parts) {
      SCOPED_TRACE(part.pipeline);
      Result<Image> actual = *decoded;
      if (const auto pipeline = manifest.pipelines.find(part.pipeline);
          pipeline != manifest.pipelines.end()) {
        actual = Preprocessor(pipeline->second, ImageLimits{}).Fit(*decoded);
      }
      ASSERT_TRUE(actual);
      const std::optional<Difference> difference = Compare(*actual, *sheet, part);
      ASSERT_TRUE(difference.has_value()) << "is " << actual->width << "x" << actual->height
                                          << ", Pillow's is " << part.width << "x" << part.height;
      EXPECT_LE(difference->largest, 1);
      worst.largest = std::max(worst.largest, difference->largest);
      worst.count += difference->count;
    }
    fmt::print("  {:30} {:10} max {} ({} bytes differ)\n", golden.file, golden.kind, worst.largest,
               worst.count);
    if (worst.largest == 0) ++exact;
  }
  fmt::print("{} of {} images are equal to Pillow's\n", exact, manifest.images.size());
}

TEST(ImageGolden, EveryHostileFileIsRefusedForItsReason) {
  const GoldenManifest manifest = ReadGoldenManifest();
  ASSERT_GE(manifest.hostile.size(), 40u);
  for (const HostileImage& hostile : manifest.hostile) {
    SCOPED_TRACE(hostile.file);
    const std::vector<std::uint8_t> encoded = ReadGoldenFile(hostile.file);
    ASSERT_EQ(HexSha256(encoded), hostile.sha256);
    const Result<Image> decoded = DecodeImage(encoded, ImageLimits{});
    ASSERT_FALSE(decoded) << "decoded to " << decoded->width << "x" << decoded->height;
    EXPECT_EQ(Describe(decoded.error().reason).word, hostile.reason) << decoded.error().message;
    EXPECT_FALSE(decoded.error().message.empty());
  }
}

// The peak only grows, so this holds for all files together: none of them was worth an allocation.
TEST(ImageGolden, RefusingABombCostsNeitherTimeNorMemory) {
  const auto peak_kib = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const long before = peak_kib();
  for (const HostileImage& hostile : ReadGoldenManifest().hostile) {
    if (hostile.reason != Describe(Reason::kImageTooLarge).word) continue;
    SCOPED_TRACE(hostile.file);
    const std::vector<std::uint8_t> encoded = ReadGoldenFile(hostile.file);
    double fastest_ms = 1e9;
    for (int round = 0; round < 5; ++round) {
      // Of the processor, not of the wall: a neighbour's load is not ours.
      const std::clock_t start = std::clock();
      EXPECT_FALSE(DecodeImage(encoded, ImageLimits{}));
      fastest_ms =
          std::min(fastest_ms, 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
    fmt::print("  {:40} {:8.3f} ms\n", hostile.file, fastest_ms);
    // Metadata is inflated up to its limit before it is refused; sizes and scans are read.
    const bool inflates = hostile.file.find("bomb-") != std::string::npos;
    EXPECT_LT(fastest_ms, inflates ? 6 * HOLDFAST_REFUSAL_MS_MAX : HOLDFAST_REFUSAL_MS_MAX);
  }
  EXPECT_LT(peak_kib() - before, HOLDFAST_REFUSAL_KIB_MAX);
}

}  // namespace
}  // namespace holdfast
