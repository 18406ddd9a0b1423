// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/media_type.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "gateway/call/image_format.h"

namespace holdfast {
namespace {

bool IsImage(std::string_view bytes) {
  return LooksLikeImage(
      ByteView(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
}

std::string Preferred(std::string_view accept) {
  constexpr std::array<std::string_view, 3> kOffers{"application/json", "text/csv",
                                                    "application/jsonlines"};
  return std::string(Negotiate(accept, kOffers).value_or("none"));
}

TEST(MediaType, IsWithoutParametersAndInLowerCase) {
  EXPECT_EQ(MediaType("Image/JPEG; q=1"), "image/jpeg");
  EXPECT_EQ(MediaType("  application/json ;charset=utf-8"), "application/json");
  EXPECT_EQ(MediaType(""), "");
}

TEST(MediaType, KnowsImagesByTheirFirstBytes) {
  EXPECT_TRUE(IsImage("\xff\xd8\xff\xe0"));
  EXPECT_TRUE(IsImage("\x89PNG\r\n\x1a\n"));
  EXPECT_TRUE(IsImage(std::string_view("RIFF\x10\0\0\0WEBP", 12)));
  EXPECT_FALSE(IsImage(std::string_view("RIFF\x10\0\0\0WAVE", 12)));
  EXPECT_FALSE(IsImage("RIFFWEBP"));
  EXPECT_FALSE(IsImage("GIF89a"));
  EXPECT_FALSE(IsImage("hello"));
  EXPECT_FALSE(IsImage("\xff\xd8"));
  EXPECT_FALSE(IsImage(""));
}

TEST(Negotiate, FollowsQualityThenTheServersOrder) {  // RFC 9110 section 12.5.1
  EXPECT_EQ(Preferred(""), "application/json");
  EXPECT_EQ(Preferred("*/*"), "application/json");
  EXPECT_EQ(Preferred("text/csv"), "text/csv");
  EXPECT_EQ(Preferred("TEXT/CSV;header=absent"), "text/csv");
  EXPECT_EQ(Preferred("text/*"), "text/csv");
  EXPECT_EQ(Preferred("application/*"), "application/json");
  EXPECT_EQ(Preferred("application/jsonlines, text/csv;q=0.5"), "application/jsonlines");
  EXPECT_EQ(Preferred("application/json;q=0.1, text/csv;q=0.2"), "text/csv");
  EXPECT_EQ(Preferred("text/html, */*;q=0.8"), "application/json");
  EXPECT_EQ(Preferred("*/*, application/json;q=0"), "text/csv");
  EXPECT_EQ(Preferred("application/json;q=0"), "none");
  EXPECT_EQ(Preferred("text/html"), "none");
  EXPECT_EQ(Preferred("application/xml, image/*"), "none");
  EXPECT_EQ(Preferred("*/*;q=0"), "none");
  EXPECT_EQ(Preferred(",,,"), "application/json");
}

}  // namespace
}  // namespace holdfast
