// SPDX-License-Identifier: Apache-2.0
#include "model/tuning.h"

#include <gtest/gtest.h>

#include "testing/temp_dir.h"

namespace holdfast {
namespace {

TunedPoint Point(const char* engine, std::uint32_t workers, double rate, double spread = 0.01) {
  return {.engine = engine,
          .workers = workers,
          .images_per_second = rate,
          .slowest = rate * (1 - spread),
          .fastest = rate * (1 + spread)};
}

Tuning Tuned(const char* cpu, std::uint32_t cores, const char* engine) {
  return {.key = {.cpu = cpu,
                  .features = "avx2 fma",
                  .model_sha256 = "abc",
                  .engines = "onnxruntime 1, openvino 2"},
          .cores = cores,
          .engine = engine,
          .workers = cores,
          .points = {Point("onnxruntime", 1, 10.5, 0.5), Point("openvino", 1, 12, 0.25)}};
}

TEST(Tunings, ComeBackAsTheyWere) {
  const std::vector<Tuning> tunings{Tuned("Some \"Xeon\"", 2, "openvino"),
                                    Tuned("An EPYC", 4, "onnxruntime")};
  const auto back = ParseTunings(FormatTunings(tunings));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, tunings);
}

TEST(Tunings, RefuseWhatTheyAreNotAndSayWhere) {
  for (const char* text : {"", "host = 1", "[[host]]\ncpu = \"x\"\n", "[[host", "x = [1,"}) {
    const auto tunings = ParseTunings(text);
    ASSERT_FALSE(tunings) << text;
    EXPECT_EQ(tunings.error().reason, Reason::kBadModel) << text;
  }
  std::string negative = FormatTunings({Tuned("a", 2, "x")});
  negative.replace(negative.find("cores = 2"), 9, "cores = 0");
  EXPECT_NE(ParseTunings(negative).error().message.find("line 3"), std::string::npos)
      << ParseTunings(negative).error().message;
}

TEST(Tunings, AreReadBesideTheModel) {
  const TempDir dir;
  EXPECT_EQ(ReadTunings(dir.path()).error().reason, Reason::kNotFound);
  dir.Write("tuned.toml", FormatTunings({Tuned("a", 2, "openvino")}));
  EXPECT_EQ(ReadTunings(dir.path())->front().engine, "openvino");
}

TEST(Tunings, AreFoundByTheWholeKeyAndTheSameCoresFirst) {
  const std::vector<Tuning> tunings{Tuned("a", 2, "openvino"), Tuned("a", 4, "onnxruntime"),
                                    Tuned("b", 2, "onnxruntime")};
  const TuningKey key = tunings[0].key;
  EXPECT_EQ(FindTuning(tunings, key, 4)->engine, "onnxruntime");
  EXPECT_EQ(FindTuning(tunings, key, 2)->engine, "openvino");
  EXPECT_EQ(FindTuning(tunings, key, 16)->key.cpu, "a") << "the engine holds for other cores";
  for (auto member :
       {&TuningKey::cpu, &TuningKey::features, &TuningKey::model_sha256, &TuningKey::engines}) {
    TuningKey other = key;
    other.*member += "x";
    EXPECT_FALSE(FindTuning(tunings, other, 2));
  }
}

TEST(Tunings, ReplaceTheEntryOfTheirHostAlone) {
  std::vector<Tuning> tunings{Tuned("a", 2, "openvino"), Tuned("b", 2, "openvino")};
  Tuning renewed = Tuned("a", 2, "onnxruntime");
  renewed.key.model_sha256 = "another";
  ReplaceTuning(tunings, renewed);
  ReplaceTuning(tunings, Tuned("a", 4, "openvino"));
  ASSERT_EQ(tunings.size(), 3u);
  EXPECT_EQ(tunings[0].key.cpu, "b");
  EXPECT_EQ(tunings[1], renewed);
}

TEST(ChoosePoint, TakesAnotherEngineOnlyIfItIsClearlyFaster) {
  EXPECT_EQ(ChoosePoint({Point("onnxruntime", 1, 100), Point("openvino", 1, 120)}).engine,
            "openvino");
  EXPECT_EQ(ChoosePoint({Point("onnxruntime", 1, 100), Point("openvino", 1, 104)}).engine,
            "onnxruntime");
  EXPECT_EQ(ChoosePoint({Point("onnxruntime", 1, 100), Point("openvino", 1, 60)}).engine,
            "onnxruntime");
  // Their rounds overlap: the difference may be the host's.
  EXPECT_EQ(ChoosePoint({Point("onnxruntime", 1, 100, 0.1), Point("openvino", 1, 115, 0.1)}).engine,
            "onnxruntime");
}

TEST(ChoosePoint, TakesTheFewestWorkersThatAreEnough) {
  const std::vector<TunedPoint> scales{Point("onnxruntime", 1, 50), Point("onnxruntime", 2, 98),
                                       Point("onnxruntime", 4, 180)};
  EXPECT_EQ(ChoosePoint(scales).workers, 4u);
  const std::vector<TunedPoint> siblings{Point("onnxruntime", 1, 50), Point("onnxruntime", 2, 99),
                                         Point("onnxruntime", 4, 101)};
  EXPECT_EQ(ChoosePoint(siblings).workers, 2u) << "hyperthreads: two are one core";
  // What the other engine needs does not matter.
  EXPECT_EQ(ChoosePoint({Point("onnxruntime", 1, 100), Point("onnxruntime", 2, 190),
                         Point("openvino", 1, 250), Point("openvino", 2, 400)})
                .workers,
            2u);
}

}  // namespace
}  // namespace holdfast
