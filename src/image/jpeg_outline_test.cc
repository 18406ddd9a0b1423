// SPDX-License-Identifier: Apache-2.0
#include "image/jpeg_outline.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace holdfast {
namespace {

using Bytes = std::vector<std::uint8_t>;
using std::string_view_literals::operator""sv;

Bytes Jpeg(std::initializer_list<std::string_view> parts) {
  Bytes bytes{0xFF, 0xD8};
  for (const std::string_view part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}

constexpr std::string_view kFrame480x640 = "\xff\xc2\0\x0b\x08\x01\xe0\x02\x80\x01\x01\x11\0"sv;
constexpr std::string_view kScan = "\xff\xda\0\x08\x01\x01\0\0\x3f\0"sv;
constexpr std::string_view kEnd = "\xff\xd9"sv;

TEST(JpegOutline, FindsTheSizeEvenIfNothingElseFollows) {
  const JpegOutline outline = OutlineJpeg(Jpeg({kFrame480x640}), 64);
  EXPECT_EQ(outline.height, 480u);
  EXPECT_EQ(outline.width, 640u);
  EXPECT_EQ(outline.scans, 0u);
}

TEST(JpegOutline, CountsScansAndNotStuffedBytesOrRestartMarkers) {
  const Bytes jpeg =
      Jpeg({kFrame480x640, kScan, "ab\xff\0\xff\xd3zz"sv, kScan, "\xff\xff"sv, kScan, kEnd});
  EXPECT_EQ(OutlineJpeg(jpeg, 64).scans, 3u);
}

TEST(JpegOutline, StopsAfterOneScanTooMany) {
  EXPECT_EQ(OutlineJpeg(Jpeg({kScan, kScan, kScan, kScan}), 1).scans, 2u);
}

TEST(JpegOutline, StopsAtTheEndOfTheImage) {
  EXPECT_EQ(OutlineJpeg(Jpeg({kScan, kEnd, kScan}), 64).scans, 1u);
}

TEST(JpegOutline, DoesNotLookIntoSegments) {
  const Bytes jpeg =
      Jpeg({"\xff\xe2\0\x0a\xff\xda\xff\xd9\xff\xda\0\0"sv, kFrame480x640, kScan, kEnd});
  const JpegOutline outline = OutlineJpeg(jpeg, 64);
  EXPECT_EQ(outline.scans, 1u);
  EXPECT_EQ(outline.width, 640u);
}

TEST(JpegOutline, YieldsTheExifBlockAndNoOtherApplicationData) {
  const Bytes jpeg = Jpeg({"\xff\xe1\0\x0chttp://ns."sv,
                           "\xff\xe1\0\x0a"
                           "Exif\0\0II"sv,
                           kEnd});
  const JpegOutline outline = OutlineJpeg(jpeg, 64);
  ASSERT_EQ(outline.exif.size(), 8u);
  EXPECT_EQ(outline.exif[6], 'I');
}

TEST(JpegOutline, SurvivesACutAnywhere) {
  const Bytes jpeg =
      Jpeg({"\xff\xe1\0\x0a"
            "Exif\0\0II"sv,
            kFrame480x640, kScan, "ab\xff\0"sv, kEnd});
  for (std::size_t size = 2; size <= jpeg.size(); ++size) {
    // An exact copy, so that a sanitizer sees a read behind it.
    const Bytes cut(jpeg.begin(), jpeg.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_LE(OutlineJpeg(cut, 64).scans, 1u);
  }
}

}  // namespace
}  // namespace holdfast
