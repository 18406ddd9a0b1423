// SPDX-License-Identifier: Apache-2.0
#include "ipc/description.h"

#include <gtest/gtest.h>

#include <string>

#include "ipc/death_report.h"

namespace holdfast {
namespace {

ServableDescription Full() {
  return {.key = {"resnet \"50\"", 20'240'101},
          .signature = {.input = {"data", DType::kFloat32, {kAnyDim, 3, 224, 224}},
                        .output = {"prob", DType::kFloat32, {kAnyDim, 3}}},
          .output = OutputKind::kProbabilities,
          .labels = {"cat", "", "chat à la crème\n"},
          .engine = "onnxruntime 1.28.0",
          .service = std::chrono::microseconds(12'345),
          .tuning = "tuned for this host",
          .tuned_workers = 3,
          .load_ms = 678,
          .graph = "kept",
          .golden_examples = 2,
          .zygote_bytes = 7,
          .worker_bytes = 8,
          .assumptions = {"the output is logits"},
          .golden_photo = {0, 255},
          .golden_class = 3,
          .sandbox_gap = "the kernel refuses seccomp: Operation not permitted"};
}

// `json` with the first `from` replaced.
std::string With(std::string json, const std::string& from, const std::string& to) {
  const std::size_t at = json.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return json.replace(at, from.size(), to);
}

TEST(Description, ComesBackAsItWas) {
  for (const ServableDescription& description : {Full(), ServableDescription{}}) {
    const auto decoded = DecodeDescription(EncodeDescription(description));
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(*decoded, description);
  }
}

TEST(Description, IsRefusedWhereverItIsCut) {
  const std::string json = EncodeDescription(Full());
  for (std::size_t size = 0; size < json.size(); ++size) {
    const auto decoded = DecodeDescription(std::string_view(json).substr(0, size));
    ASSERT_FALSE(decoded) << size;
    EXPECT_EQ(decoded.error().reason, Reason::kBadRequest);
  }
}

TEST(Description, IsRefusedWithAFieldOfAnotherKind) {
  const std::string json = EncodeDescription(Full());
  for (const auto& [from, to] :
       {std::pair{"\"name\":\"data\"", "\"name\":1"}, std::pair{"\"float32\"", "\"float31\""},
        std::pair{"[-1,3,224,224]", "[-1,3,\"224\"]"}, std::pair{"[-1,3,224,224]", "{}"},
        std::pair{"\"cat\"", "null"}, std::pair{"\"load_ms\":678", "\"load_ms\":6.5"},
        std::pair{"\"load_ms\":678", "\"load_ms\":-1"},
        std::pair{"\"service_ns\":12345000", "\"service_ns\":-1"},
        std::pair{"\"golden_examples\":2", "\"golden_examples\":4294967296"},
        std::pair{"\"engine\"", "\"motor\""}}) {
    EXPECT_FALSE(DecodeDescription(With(json, from, to))) << to;
  }
}

TEST(Description, IsRefusedWhenItIsNoObject) {
  for (const char* json : {"", "null", "[]", "3", "\"{}\"", "{}", "{}{}"}) {
    EXPECT_FALSE(DecodeDescription(json)) << json;
  }
  EXPECT_FALSE(DecodeDescription(std::string(1 << 20, '[')));
}

TEST(DeathReport, ComesBackAsItWas) {
  const DeathReport report{.pid = 4711,
                           .exit = "signal 11 (Segmentation fault)",
                           .explanation = "limit 300 MiB",
                           .peak_rss_bytes = std::uint64_t{5} << 40,
                           .age_ms = 12,
                           .last_words = "one | two \"quoted\"\x01 | \xff not UTF-8"};
  for (const DeathReport& sent : {report, DeathReport{}}) {
    const auto decoded = DecodeDeathReport(EncodeDeathReport(sent));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, sent);
  }
}

TEST(DeathReport, IsRefusedWhereverItIsCut) {
  const std::string json = EncodeDeathReport({.pid = 1, .exit = "exit status 3"});
  for (std::size_t size = 0; size < json.size(); ++size) {
    EXPECT_FALSE(DecodeDeathReport(std::string_view(json).substr(0, size))) << size;
  }
  EXPECT_FALSE(DecodeDeathReport("[]"));
  EXPECT_FALSE(DecodeDeathReport(R"({"pid":9422222294222222222})")) << "more than a pid holds";
}

TEST(DeathReport, WhatIsMissingOrOfAnotherKindIsLeftOut) {
  const auto decoded = DecodeDeathReport(R"({"pid":"x","exit":5,"age_ms":-1,"last_words":"w"})");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, DeathReport{.last_words = "w"});
}

}  // namespace
}  // namespace holdfast
