// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/multipart.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace holdfast {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=XyZ";

std::string Field(std::string_view name, std::string_view content) {
  return "--XyZ\r\nContent-Disposition: form-data; name=\"" + std::string(name) +
         "\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n" + std::string(content) +
         "\r\n";
}

std::string Found(const std::string& body, std::string_view type = kType) {
  const auto field = FindFormField(
      type, ByteView(reinterpret_cast<const std::uint8_t*>(body.data()), body.size()), "data");
  if (!field) return "refused: " + field.error().message;
  return {field->begin(), field->end()};
}

TEST(FindFormField, TakesTheFieldOfThatName) {
  EXPECT_EQ(Found(Field("a", "one") + Field("data", "two\r\nlines") + "--XyZ--\r\n"),
            "two\r\nlines");
  EXPECT_EQ(Found(Field("data", "") + "--XyZ--"), "");
  EXPECT_EQ(Found("a preamble\r\n" + Field("data", "x") + "--XyZ--\r\nan epilogue"), "x");
}

TEST(FindFormField, TakesTheFirstWhereNoneIsCalledSo) {
  EXPECT_EQ(Found(Field("a", "one") + Field("b", "two") + "--XyZ--\r\n"), "one");
  EXPECT_EQ(Found("--XyZ\r\n\r\nno headers\r\n--XyZ--\r\n"), "no headers");
}

TEST(FindFormField, ReadsTheBoundaryAsClientsWriteIt) {
  const std::string body = Field("data", "x") + "--XyZ--\r\n";
  EXPECT_EQ(Found(body, "multipart/form-data; charset=utf-8; Boundary=\"XyZ\""), "x");
  EXPECT_TRUE(Found(body, "multipart/form-data").starts_with("refused: "));
  EXPECT_TRUE(Found(body, "multipart/form-data; boundary=").starts_with("refused: "));
}

TEST(FindFormField, RefusesFormsThatDoNotEnd) {
  const std::string body = Field("data", "content") + "--XyZ--\r\n";
  for (std::size_t cut = 0; cut + 7 < body.size(); ++cut) {
    EXPECT_TRUE(Found(body.substr(0, cut)).starts_with("refused: ")) << cut;
  }
  EXPECT_EQ(Found("--XyZ--\r\n"), "refused: the form has no field");
}

TEST(FindFormField, SurvivesAnything) {
  std::minstd_rand random(7);
  constexpr std::string_view kAlphabet = "-XyZ\r\n\r\n:;=\"name";
  for (int round = 0; round < 20'000; ++round) {
    std::string body;
    for (auto length = random() % 60; length > 0; --length) {
      body +=
          random() % 4 == 0 ? "\r\n--XyZ" : std::string(1, kAlphabet[random() % kAlphabet.size()]);
    }
    Found(body);
  }
}

}  // namespace
}  // namespace holdfast
