// SPDX-License-Identifier: Apache-2.0
#include "image/decode.h"

#include <gtest/gtest.h>
#include <spng.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <string>
#include <string_view>

namespace holdfast {
namespace {

using std::string_view_literals::operator""sv;
using Bytes = std::vector<std::uint8_t>;

Bytes Join(std::initializer_list<std::string_view> parts) {
  Bytes bytes;
  for (const std::string_view part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}

// A PNG of one gray level.
Bytes FlatPng(std::uint32_t width, std::uint32_t height, std::uint8_t level) {
  spng_ctx* context = spng_ctx_new(SPNG_CTX_ENCODER);
  spng_ihdr header{
      .width = width, .height = height, .bit_depth = 8, .color_type = SPNG_COLOR_TYPE_GRAYSCALE};
  const Bytes pixels(std::size_t{width} * height, level);
  EXPECT_EQ(spng_set_option(context, SPNG_ENCODE_TO_BUFFER, 1), 0);
  EXPECT_EQ(spng_set_ihdr(context, &header), 0);
  EXPECT_EQ(
      spng_encode_image(context, pixels.data(), pixels.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE),
      0);
  std::size_t size = 0;
  int error = 0;
  void* encoded = spng_get_png_buffer(context, &size, &error);
  const auto* begin = static_cast<const std::uint8_t*>(encoded);
  Bytes bytes(begin, begin + size);
  std::free(encoded);
  spng_ctx_free(context);
  return bytes;
}

// The headers of a progressive JPEG of 6000 × 6000 pixels, three components, and a scan's
// beginning.
Bytes LargeProgressiveJpeg() {
  return Join({"\xff\xd8\xff\xdb\0\x43\0"sv, std::string(64, '\1'),
               "\xff\xc2\0\x11\x08\x17\x70\x17\x70\x03\x01\x11\0\x02\x11\0\x03\x11\0"sv,
               "\xff\xda\0\x0c\x03\x01\0\x02\0\x03\0\0\0\0"sv, std::string(64, '\0'),
               "\xff\xd9"sv});
}

Reason ReasonFor(ByteView encoded, const ImageLimits& limits = {}) {
  const Result<Image> image = DecodeImage(encoded, limits);
  return image ? Reason::kOk : image.error().reason;
}

TEST(Sniff, KnowsThreeFormatsByTheirFirstBytes) {
  EXPECT_EQ(SniffImage(Join({"\xff\xd8\xff\xe0"sv})).value(), ImageFormat::kJpeg);
  EXPECT_EQ(SniffImage(Join({"\x89PNG\r\n\x1a\n"sv})).value(), ImageFormat::kPng);
  EXPECT_EQ(SniffImage(Join({"RIFF\1\2\3\4WEBPVP8 "sv})).value(), ImageFormat::kWebp);
}

TEST(Sniff, RefusesEverythingElse) {
  for (const std::string_view bytes : {""sv, "\xff"sv, "\xff\xd8"sv, "GIF89a"sv, "<html>"sv,
                                       "RIFF\1\2\3\4WAVE"sv, "RIFF"sv, "\x89PNG\r\n"sv, "BM"sv,
                                       "\0\0\0\x18"
                                       "ftypheic"sv}) {
    const auto format = SniffImage(Join({bytes}));
    ASSERT_FALSE(format);
    EXPECT_EQ(format.error().reason, Reason::kUnsupportedMedia);
  }
}

TEST(Decode, NamesItsFormats) {
  EXPECT_EQ(ImageFormatName(ImageFormat::kJpeg), "jpeg");
  EXPECT_EQ(ImageFormatName(ImageFormat::kPng), "png");
  EXPECT_EQ(ImageFormatName(ImageFormat::kWebp), "webp");
}

TEST(Decode, ASignatureAloneIsACorruptImage) {
  EXPECT_EQ(ReasonFor(Join({"\xff\xd8\xff"sv})), Reason::kImageDecodeFailed);
  EXPECT_EQ(ReasonFor(Join({"\x89PNG\r\n\x1a\n"sv})), Reason::kImageDecodeFailed);
  EXPECT_EQ(ReasonFor(Join({"RIFF\1\2\3\4WEBP"sv})), Reason::kImageDecodeFailed);
}

TEST(Decode, GrayBecomesRgb) {
  const Result<Image> image = DecodeImage(FlatPng(3, 2, 77), {});
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->rgb, Bytes(18, 77));
}

TEST(Decode, IntoAnImageThatHeldALargerOneGivesTheSmallerOne) {
  Image image;
  ASSERT_TRUE(DecodeImageInto(FlatPng(40, 30, 200), {}, image));
  ASSERT_TRUE(DecodeImageInto(FlatPng(5, 7, 3), {}, image));
  EXPECT_EQ(image.width, 5u);
  EXPECT_EQ(image.height, 7u);
  EXPECT_EQ(image.rgb, Bytes(105, 3));
}

TEST(Decode, EveryCutOfAPngIsRefusedAndNoneCrashes) {
  const Bytes png = FlatPng(50, 40, 9);
  constexpr std::size_t kEndChunk = 12;  // Without it all pixels are there still.
  for (std::size_t size = 0; size + kEndChunk + 4 < png.size(); ++size) {
    const Bytes cut(png.begin(), png.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(ReasonFor(cut), Reason::kOk) << size;
  }
}

TEST(Decode, TheMetadataLimitDoesNotCountPixels) {
  const Bytes png = FlatPng(1000, 1000, 1);
  ASSERT_GT(png.size(), 500u);
  EXPECT_EQ(ReasonFor(png, {.ancillary_bytes_max = 64}), Reason::kOk);
}

TEST(Decode, LimitsHoldForEachImage) {
  const Bytes png = FlatPng(50, 40, 9);
  EXPECT_EQ(ReasonFor(png, {.pixels_max = 1999}), Reason::kImageTooLarge);
  EXPECT_EQ(ReasonFor(png, {.side_max = 49}), Reason::kImageTooLarge);
  EXPECT_EQ(ReasonFor(LargeProgressiveJpeg(), {.pixels_max = 1'000'000}), Reason::kImageTooLarge);
  EXPECT_EQ(ReasonFor(LargeProgressiveJpeg(), {.jpeg_scans_max = 0}), Reason::kImageTooLarge);
}

// Ends the process with 0 if decoding with `spare` more bytes of address space is refused as it
// should be.
[[noreturn]] void DecodeWithLittleMemory(const Bytes& encoded, std::size_t spare) {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t bytes = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + spare;
  const rlimit limit{bytes, bytes};
  setrlimit(RLIMIT_AS, &limit);
  std::_Exit(ReasonFor(encoded) == Reason::kInsufficientResources ? 0 : 1);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HOLDFAST_NEEDS_ADDRESS_SPACE 1
#endif
#endif

TEST(DecodeDeathTest, ShortageOfMemoryIsNeverCalledABadImage) {
#if defined(HOLDFAST_NEEDS_ADDRESS_SPACE)
  GTEST_SKIP() << "sanitizers need all address space";
#endif
  const Bytes png = FlatPng(6000, 6000, 1);
  // Pixels take 108 MB. The coefficients of the JPEG take 216 MB more, in libjpeg's own memory.
  EXPECT_EXIT(DecodeWithLittleMemory(png, MiB(60)), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(DecodeWithLittleMemory(LargeProgressiveJpeg(), MiB(60)), testing::ExitedWithCode(0),
              "");
  EXPECT_EXIT(DecodeWithLittleMemory(LargeProgressiveJpeg(), MiB(180)), testing::ExitedWithCode(0),
              "");
}

}  // namespace
}  // namespace holdfast
