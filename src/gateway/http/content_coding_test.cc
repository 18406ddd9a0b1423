// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/content_coding.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace holdfast {
namespace {

ByteView Bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// What comes out, or the refusal's word.
std::string Inflated(ContentCoding coding, const std::string& compressed, std::size_t most) {
  Inflater inflater(coding, Bytes(compressed), most);
  for (;;) {
    const Result<bool> done = inflater.Step();
    if (!done) return std::string(Describe(done.error().reason).word);
    if (!*done) continue;
    const auto bytes = inflater.Take();
    return {bytes.begin(), bytes.end()};
  }
}

TEST(Inflater, UndoesWhatCompressDid) {
  std::string text(1'000'000, 'a');
  std::minstd_rand random(1);
  for (std::size_t i = 0; i < text.size() / 2; ++i) text[i] = static_cast<char>(random());
  for (const auto coding : {ContentCoding::kGzip, ContentCoding::kDeflate}) {
    EXPECT_EQ(Inflated(coding, Compress(coding, text), text.size()), text);
    EXPECT_EQ(Inflated(coding, Compress(coding, ""), 0), "");
  }
}

TEST(Inflater, StopsAtItsBound) {
  const std::string bomb = Compress(ContentCoding::kGzip, std::string(10'000'000, '\0'));
  EXPECT_LT(bomb.size(), 100'000U);
  EXPECT_EQ(Inflated(ContentCoding::kGzip, bomb, 9'999'999), "PAYLOAD_TOO_LARGE");
  EXPECT_EQ(Inflated(ContentCoding::kGzip, bomb, 1024), "PAYLOAD_TOO_LARGE");
}

TEST(Inflater, RefusesWhatIsNoSuchFormat) {
  const std::string good = Compress(ContentCoding::kGzip, "hello, hello, hello");
  EXPECT_EQ(Inflated(ContentCoding::kDeflate, good, 100), "BAD_REQUEST");
  EXPECT_EQ(Inflated(ContentCoding::kGzip, "no gzip", 100), "BAD_REQUEST");
  EXPECT_EQ(Inflated(ContentCoding::kGzip, good + "more", 100), "BAD_REQUEST");
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_EQ(Inflated(ContentCoding::kGzip, good.substr(0, cut), 100), "BAD_REQUEST") << cut;
  }
}

TEST(ContentCoding, IsReadFromHeaders) {
  EXPECT_EQ(*ContentCodingFrom(""), ContentCoding::kIdentity);
  EXPECT_EQ(*ContentCodingFrom("GZIP"), ContentCoding::kGzip);
  EXPECT_EQ(*ContentCodingFrom("deflate"), ContentCoding::kDeflate);
  EXPECT_EQ(ContentCodingFrom("br").error().reason, Reason::kUnsupportedMedia);
  EXPECT_EQ(AcceptedCoding(""), ContentCoding::kIdentity);
  EXPECT_EQ(AcceptedCoding("gzip, deflate, br"), ContentCoding::kGzip);
  EXPECT_EQ(AcceptedCoding("deflate"), ContentCoding::kDeflate);
  EXPECT_EQ(AcceptedCoding("br"), ContentCoding::kIdentity);
  EXPECT_EQ(AcceptedCoding("gzip;q=0, deflate"), ContentCoding::kDeflate);
}

}  // namespace
}  // namespace holdfast
