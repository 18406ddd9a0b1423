// SPDX-License-Identifier: Apache-2.0
#include "gateway/encoding/json_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>

#include "gateway/encoding/json_reader.h"

namespace holdfast {
namespace {

std::string FloatText(float number) {
  std::string json;
  AppendJsonFloat(json, number);
  return json;
}

std::string StringText(std::string_view text) {
  std::string json;
  AppendJsonString(json, text);
  return json;
}

TEST(JsonWriter, WritesTheShortestDecimalOfAFloat) {
  EXPECT_EQ(FloatText(0.62F), "0.62");
  EXPECT_EQ(FloatText(0.1F), "0.1");
  EXPECT_EQ(FloatText(1.0F), "1.0");
  EXPECT_EQ(FloatText(-3.0F), "-3.0");
  EXPECT_EQ(FloatText(0.0F), "0.0");
  EXPECT_EQ(FloatText(1e-7F), "1e-07");
  EXPECT_EQ(FloatText(1e20F), "1e+20");
}

TEST(JsonWriter, WritesNanAndInfinityAsTensorFlowServing) {  // protocols 2
  EXPECT_EQ(FloatText(std::nanf("")), "NaN");
  EXPECT_EQ(FloatText(HUGE_VALF), "Infinity");
  EXPECT_EQ(FloatText(-HUGE_VALF), "-Infinity");
}

TEST(JsonWriter, WritesFloatsThatReadBackTheSame) {
  std::mt19937 random(3);
  for (int i = 0; i < 100'000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random());
    float number = 0;
    std::memcpy(&number, &bits, sizeof number);
    if (!std::isfinite(number)) continue;
    EXPECT_EQ(std::strtof(FloatText(number).c_str(), nullptr), number);
  }
}

TEST(JsonWriter, EscapesWhatAStringCannotHold) {
  EXPECT_EQ(StringText("a\"b\\c\n\r\t\x01"), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\"");
  EXPECT_EQ(StringText("Ägyptische Katze 😀"), "\"Ägyptische Katze 😀\"");
}

TEST(JsonWriter, ReplacesIllFormedUtf8) {
  const std::string replacement = "\xef\xbf\xbd";
  EXPECT_EQ(StringText("a\xff"
                       "b"),
            "\"a" + replacement + "b\"");
  EXPECT_EQ(StringText("\xc0\xaf"), "\"" + replacement + replacement + "\"");  // Overlong.
  EXPECT_EQ(StringText("\xe2\x82"), "\"" + replacement + replacement + "\"");  // Cut short.
  EXPECT_EQ(StringText("\xed\xa0\x80"), "\"" + replacement + replacement + replacement + "\"");
}

TEST(JsonWriter, WritesStringsThatReadBackTheSame) {
  for (std::uint32_t code = 0; code < 0x80; ++code) {
    const std::string text(1, static_cast<char>(code));
    const std::string json = StringText(text);
    JsonReader reader(json);
    ASSERT_EQ(reader.Next(), JsonToken::kString);
    EXPECT_EQ(reader.Text(), text);
  }
}

TEST(JsonWriter, QuotesOnlyTheBeginningOfAClientsText) {
  EXPECT_EQ(Excerpt("a\n\xff"), "\"a??\"");
  EXPECT_EQ(Excerpt(std::string(100, 'x')), '"' + std::string(64, 'x') + "…\"");
}

}  // namespace
}  // namespace holdfast
