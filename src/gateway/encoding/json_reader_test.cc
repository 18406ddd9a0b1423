// SPDX-License-Identifier: Apache-2.0
#include "gateway/encoding/json_reader.h"

#include <gtest/gtest.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace holdfast {
namespace {

// Reads a whole document: its tokens as one character each, or "!" and the error.
std::string Shape(std::string_view json) {
  constexpr std::string_view kLetters = "{}[]ks#tfn";
  JsonReader reader(json);
  std::string shape;
  for (;;) {
    const JsonToken token = reader.Next();
    if (token == JsonToken::kEnd) return shape;
    if (token == JsonToken::kError) return "!" + reader.error().message;
    shape += kLetters[static_cast<std::size_t>(token)];
  }
}

bool Reads(std::string_view json) { return !Shape(json).starts_with('!'); }

double Number(std::string_view json) {
  JsonReader reader(json);
  EXPECT_EQ(reader.Next(), JsonToken::kNumber) << json;
  return reader.number();
}

std::string TextOf(std::string_view json) {
  JsonReader reader(json);
  EXPECT_EQ(reader.Next(), JsonToken::kString) << json;
  return reader.Text();
}

TEST(JsonReader, GivesTheTokensOfADocument) {
  EXPECT_EQ(Shape(R"( {"a": [1, -2.5e3, "x"], "b": {"c": null}, "d": true, "e": false} )"),
            "{k[##s]k{kn}ktkf}");
  EXPECT_EQ(Shape("[]"), "[]");
  EXPECT_EQ(Shape("{}"), "{}");
  EXPECT_EQ(Shape("[[],{}]"), "[[]{}]");
  EXPECT_EQ(Shape("7"), "#");
}

TEST(JsonReader, RefusesWhatIsNoJson) {
  for (const std::string_view json :
       {"",         " ",          "{",         "[",           "[1,]",     "{,}",       "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{a:1}",     "[1 2]",       "[1}",      "{\"a\":1]", "01",
        "-",        "1.",         ".5",        "+1",          "1e",       "1e+",       "'a'",
        "\"a",      "\"\\x\"",    "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"", "tru",       "nul",
        "[1,,2]",   "]",          "}",         "1e400",       "-1e400",   "\""}) {
    EXPECT_FALSE(Reads(json)) << json;
  }
}

TEST(JsonReader, StopsWhereTheDocumentIsComplete) {  // protocols 8.5
  EXPECT_EQ(Shape("{} trailing \x01 garbage"), "{}");
  EXPECT_EQ(Shape("[1]]]]]"), "[#]");
}

TEST(JsonReader, TakesNanAndInfinity) {  // protocols 8.5
  EXPECT_TRUE(std::isnan(Number("NaN")));
  EXPECT_EQ(Number("Infinity"), HUGE_VAL);
  EXPECT_EQ(Number("-Infinity"), -HUGE_VAL);
  EXPECT_EQ(Number("-Inf"), -HUGE_VAL);
  EXPECT_FALSE(Reads("nan"));
  EXPECT_FALSE(Reads("-inf"));
}

TEST(JsonReader, SurvivesHalfAMillionNestedBrackets) {  // protocols 8.5
  for (const std::string unit : {"[", "{\"a\":", "[{\"a\":"}) {
    std::string json;
    for (int i = 0; i < 500'000; ++i) json += unit;
    EXPECT_NE(Shape(json).find("nested deeper than 64 levels"), std::string::npos);
    JsonReader reader(json);
    EXPECT_EQ(reader.Skip(reader.Next()), JsonToken::kError);
  }
}

TEST(JsonReader, TakesAsManyLevelsAsItPromises) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(Reads(nested(JsonReader::kDepthMax)));
  EXPECT_FALSE(Reads(nested(JsonReader::kDepthMax + 1)));
}

TEST(JsonReader, StaysAtItsErrorAndAtItsEnd) {
  JsonReader broken("[1,}");
  while (broken.Next() != JsonToken::kError) {
  }
  EXPECT_EQ(broken.Next(), JsonToken::kError);
  JsonReader complete("[] []");
  complete.Next();
  complete.Next();
  EXPECT_EQ(complete.Next(), JsonToken::kEnd);
  EXPECT_EQ(complete.Next(), JsonToken::kEnd);
}

TEST(JsonReader, SkipsAValueWhateverItHolds) {
  JsonReader reader(R"([{"a":[1,{"b":2}]},"x",7])");
  reader.Next();
  EXPECT_EQ(reader.Skip(reader.Next()), JsonToken::kEndObject);
  EXPECT_EQ(reader.Skip(reader.Next()), JsonToken::kString);
  EXPECT_EQ(reader.Next(), JsonToken::kNumber);
}

TEST(JsonReader, ResolvesEscapes) {
  EXPECT_EQ(TextOf(R"("plain")"), "plain");
  EXPECT_EQ(TextOf(R"("\/\"\\\b\f\n\r\t")"), "/\"\\\b\f\n\r\t");
  EXPECT_EQ(TextOf(R"("\u0041\u00e9\u20ac")"), "Aé€");
  EXPECT_EQ(TextOf(R"("\ud83d\ude00")"), "😀");
  EXPECT_EQ(TextOf(R"("\ud83dx\ude00")"), "\xef\xbf\xbdx\xef\xbf\xbd");
  EXPECT_EQ(TextOf(R"("\ud83d\u0041")"),
            "\xef\xbf\xbd"
            "A");
}

TEST(JsonReader, FindsTheEndOfLongStringsWhereverItIs) {
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string text(size, 'x');
    EXPECT_EQ(TextOf('"' + text + '"'), text);
    EXPECT_EQ(TextOf('"' + text + "\\n\""), text + '\n');
    EXPECT_FALSE(Reads('"' + text + '\x1f' + '"'));
    EXPECT_FALSE(Reads('"' + text));
  }
}

TEST(JsonReader, ReadsNumbersAsExactlyAsFloatsNeed) {
  for (const std::string text :
       {"0",
        "-0",
        "1",
        "123456789",
        "0.1",
        "3.4028235e38",
        "1.17549435e-38",
        "1e-45",
        "1e22",
        "1e-22",
        "0.30000001192092896",
        "9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "184467440737095516160",
        "36893488147419103232",
        "0.00000000000000000000000001",
        "1e308",
        "-1e308",
        "1e-400",
        "0e999999999",
        "0.000000000000000000000001e-400",
        "123456789012345678901234567890e-20",
        "0.000000000000000000000000000000000000012345678901234567890123"}) {
    const double expected = std::strtod(text.c_str(), nullptr);
    EXPECT_NEAR(Number(text), expected, std::abs(expected) * 5e-16) << text;
  }
  std::mt19937 random(7);
  std::array<char, 64> buffer{};
  for (int i = 0; i < 100'000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random());
    float number = 0;
    std::memcpy(&number, &bits, sizeof number);
    if (!std::isfinite(number)) continue;
    for (const char* format : {"%.9g", "%.17g", "%.25g"}) {
      std::snprintf(buffer.data(), buffer.size(), format, static_cast<double>(number));
      EXPECT_EQ(static_cast<float>(Number(buffer.data())), number) << buffer.data();
    }
  }
}

// RapidJSON takes the same documents as we do; it is not part of the server's request path.
bool RapidJsonReads(std::string_view json) {
  rapidjson::MemoryStream stream(json.data(), json.size());
  rapidjson::BaseReaderHandler<> handler;
  rapidjson::Reader reader;
  constexpr unsigned kFlags = rapidjson::kParseNanAndInfFlag | rapidjson::kParseStopWhenDoneFlag |
                              rapidjson::kParseIterativeFlag;
  return !reader.Parse<kFlags>(stream, handler).IsError();
}

TEST(JsonReader, AgreesWithRapidJsonOnRandomDocuments) {
  const std::vector<std::string> words{
      "{",  "}",   "[",         "]",   ",",    ":",    "\"a\"", "\"b64\"",    "1",  "-0.5e+3",
      "0",  "NaN", "-Infinity", "Inf", "true", "null", "false", " ",          "\n", "\"\\n\"",
      "01", "1.",  "e",         "-",   "\"",   "\\",   "x",     "\"\\u0041\""};
  std::mt19937 random(42);
  int accepted = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string json = random() % 2 == 0 ? "[" : "{\"a\":";
    const std::size_t length = random() % 9;
    for (std::size_t k = 0; k < length; ++k) json += words[random() % words.size()];
    if (random() % 2 == 0) json += json[0] == '[' ? "]" : "}";
    // RapidJSON takes an exponent after them; we do not.
    if (json.find("NaNe") != std::string::npos || json.find("Infe") != std::string::npos) continue;
    if (json.find("Infinitye") != std::string::npos) continue;
    const bool ours = Reads(json);
    ASSERT_EQ(ours, RapidJsonReads(json)) << json;
    accepted += ours ? 1 : 0;
  }
  EXPECT_GT(accepted, 300);
}

TEST(JsonReader, ReadsNoByteBeyondItsText) {
  const std::string json = R"({"instances":[{"b64":"AAAA\/\u0041"},[1.5e-3,NaN,-Infinity],true]})";
  for (std::size_t size = 0; size < json.size(); ++size) {
    const std::vector<char> exact(json.begin(), json.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(Reads(std::string_view(exact.data(), exact.size()))) << size;
  }
}

}  // namespace
}  // namespace holdfast
