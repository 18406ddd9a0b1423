// SPDX-License-Identifier: Apache-2.0
#include "worker/model_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "backend/fake/fake_backend.h"
#include "backend/onnxruntime/onnx_backend.h"
#include "backend/openvino/openvino_backend.h"
#include "tensor/classification.h"
#include "testing/temp_dir.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;

const fs::path kTiny = fs::path(HOLDFAST_TEST_MODELS) / "tiny/1";

class Runner : public testing::Test {
 protected:
  Runner() {
    fs::copy(kTiny, folder_, fs::copy_options::recursive);
    toml_ = ReadWholeFile(folder_ / "model.toml");
  }

  // Replaces a part of model.toml.
  void Edit(const std::string& from, const std::string& to) {
    const std::size_t at = toml_.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    toml_.replace(at, from.size(), to);
    dir_.Write("tiny/model.toml", toml_);
  }

  Result<ModelRunner> Load() {
    Servable servable = TRY(ReadServable(folder_, {"tiny", 1}));
    return ModelRunner::Load(std::move(servable), backends_, ImageLimits{});
  }

  std::string LoadError() {
    const Result<ModelRunner> runner = Load();
    if (runner) return "";
    EXPECT_EQ(runner.error().reason, Reason::kBadModel);
    return runner.error().message;
  }

  TempDir dir_;
  fs::path folder_ = dir_.path() / "tiny";
  std::string toml_;
  std::unique_ptr<OnnxBackend> onnx_ = OnnxBackend::Open().value();
  FakeBackend fake_;
  std::array<Backend*, 2> backends_{onnx_.get(), &fake_};
};

std::vector<std::uint8_t> Bytes(const fs::path& file) {
  const std::string text = ReadWholeFile(file);
  return {text.begin(), text.end()};
}

TEST_F(Runner, ClassifiesPhotosAndTensorsAlike) {
  ModelRunner runner = Load().value();
  EXPECT_THAT(runner.engine(), HasSubstr("onnxruntime 1."));
  EXPECT_EQ(runner.classes(), 10u);
  ASSERT_EQ(runner.input_elements(), 3u * 32 * 32);
  std::vector<float> photo_scores(10);
  ASSERT_TRUE(runner.ClassifyImage(Bytes(kTiny / "golden/red.png"), photo_scores));
  EXPECT_EQ(TopK(photo_scores, 1)[0].index, 2u);
  EXPECT_GT(runner.preprocess_time().count(), 0);
  EXPECT_GT(runner.infer_time().count(), 0);
  std::vector<float> red(3 * 32 * 32, -1.0f);
  std::fill(red.begin(), red.begin() + 32 * 32, 1.0f);
  std::vector<float> tensor_scores(10);
  ASSERT_TRUE(runner.RunTensor(red, tensor_scores));
  EXPECT_EQ(tensor_scores, photo_scores);
  EXPECT_EQ(runner.preprocess_time().count(), 0);
  EXPECT_TRUE(runner.CheckGolden());
}

TEST_F(Runner, RefusesItemsOfAnotherSizeAndWhatIsNoPhoto) {
  ModelRunner runner = Load().value();
  std::vector<float> scores(10);
  EXPECT_EQ(runner.RunTensor(std::vector<float>(7), scores).error().reason, Reason::kBadRequest);
  const std::array<std::uint8_t, 4> text{'t', 'e', 'x', 't'};
  EXPECT_EQ(runner.ClassifyImage(text, scores).error().reason, Reason::kUnsupportedMedia);
}

TEST_F(Runner, AGoldenMismatchNamesBothClasses) {
  Edit("file = \"golden/red.png\"\nclass = 2", "file = \"golden/red.png\"\nclass = 5");
  ModelRunner runner = Load().value();
  const Status status = runner.CheckGolden();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().reason, Reason::kBadModel);
  EXPECT_EQ(status.error().message,
            "tiny/1: golden example golden/red.png: expected yellow (5), the model says red (2)");
}

TEST_F(Runner, AnAlteredFileIsNamed) {
  dir_.Write("tiny/labels.txt", ReadWholeFile(kTiny / "labels.txt") + "\n");
  EXPECT_THAT(LoadError(), HasSubstr("tiny/1: labels.txt is not the file that was packed"));
}

TEST_F(Runner, WhatModelTomlSaysMustFitTheGraph) {
  Edit("crop = [32, 32]", "crop = [32, 24]");
  EXPECT_THAT(LoadError(),
              HasSubstr("preprocessing gives [3,24,32] a picture (crop 32×24, layout nchw), the "
                        "model's input is \"input\" float32[N,3,32,32]"));
  Edit("crop = [32, 24]", "crop = [32, 32]");
  Edit("layout = \"nchw\"", "layout = \"nhwc\"");
  EXPECT_THAT(LoadError(), HasSubstr("layout nhwc"));
  Edit("layout = \"nhwc\"", "layout = \"nchw\"");
  Edit("name = \"logits\"", "name = \"scores\"");
  EXPECT_THAT(LoadError(), HasSubstr("model.toml says the output is \"scores\" float32[N,10], the "
                                     "model has \"logits\" float32[N,10]"));
}

TEST_F(Runner, LabelsMustBeAsManyAsTheClasses) {
  Edit("output = { name = \"logits\", dtype = \"float32\", shape = [-1, 10] }", "");
  dir_.Write("tiny/labels.txt", "a\nb\n");
  Edit("[sha256]", "[[golden]]\nfile = \"golden/red.png\"\nclass = 1\n");
  const std::size_t golden = toml_.find("[[golden]]");
  dir_.Write("tiny/model.toml", toml_.substr(0, golden));
  EXPECT_THAT(LoadError(), HasSubstr("labels.txt has 2 labels, the model gives 10 classes"));
}

TEST_F(Runner, WithoutModelTomlTheGraphSaysItsSizeAndWhetherItEndsInASoftmax) {
  fs::remove(folder_ / "model.toml");
  const ModelRunner runner = Load().value();
  const ModelConfig& config = runner.servable().config;
  EXPECT_EQ(config.preprocessing.crop_width, 32u);
  EXPECT_EQ(config.preprocessing.crop_height, 32u);
  EXPECT_EQ(config.preprocessing.resize_side, 36u);
  EXPECT_EQ(config.preprocessing.layout, Layout::kNchw);
  EXPECT_EQ(config.output, OutputKind::kLogits);
  EXPECT_THAT(
      runner.servable().assumptions,
      Contains(HasSubstr("short side to 36 bilinear, centre crop 32×32, RGB, nchw, 1/255")));
  EXPECT_THAT(runner.servable().assumptions, Contains(HasSubstr("softmax is applied")));
}

#if HOLDFAST_HAS_OPENVINO
TEST(BareServable, ASavedModelIsFittedByItsGraph) {
  OpenVinoBackend openvino;
  const std::array<Backend*, 1> backends{&openvino};
  const auto load = [&](const char* name) {
    const fs::path folder = fs::path(HOLDFAST_TEST_OPENVINO) / name / "1";
    return ModelRunner::Load(ReadServable(folder, {name, 1}).value(), backends, ImageLimits{})
        .value();
  };
  const ModelRunner keras = load("keras");
  const ModelConfig& config = keras.servable().config;
  EXPECT_EQ(config.file, "saved_model.pb");
  EXPECT_EQ(config.preprocessing.layout, Layout::kNhwc);
  EXPECT_EQ(config.preprocessing.crop_width, 32u);
  EXPECT_EQ(config.output, OutputKind::kProbabilities);
  EXPECT_THAT(keras.servable().assumptions, Contains(HasSubstr("given as they are")));
  EXPECT_EQ(keras.threads_after_load(), ThreadsAfterLoad::kParked);
  ModelRunner encoded = load("encoded");
  EXPECT_TRUE(encoded.takes_pictures());
  EXPECT_THAT(encoded.servable().assumptions, Contains(HasSubstr("prepares them itself")));
  EXPECT_EQ(encoded.servable().config.output, OutputKind::kProbabilities);
  std::vector<float> scores(encoded.classes());
  EXPECT_TRUE(encoded.RunSample(scores));
  EXPECT_EQ(encoded.RunTensor(scores, scores).error().reason, Reason::kBadRequest);
  const ModelRunner bytes = load("bytes");
  EXPECT_EQ(bytes.servable().config.preprocessing.scale, 1.0);
  EXPECT_THAT(bytes.servable().assumptions, Contains(HasSubstr("pixels as they are")));
}
#endif

TEST_F(Runner, TheFakeEngineIsServedLikeAnyOther) {
  dir_.Write("fake/fake.toml", "[[on]]\nclass = 4\ndo = \"nan\"\n");
  dir_.Write("fake/model.toml",
             "engine = \"fake\"\nfile = \"fake.toml\"\n[preprocessing]\ngeometry = \"stretch\"\n"
             "crop = [32, 32]\nmean = [0, 0, 0]\ndeviation = [1, 1, 1]\n");
  Servable servable = ReadServable(dir_.path() / "fake", {"fake", 1}).value();
  ModelRunner runner = ModelRunner::Load(std::move(servable), backends_, ImageLimits{}).value();
  EXPECT_EQ(runner.engine(), "fake 1");
  std::vector<float> scores(10);
  // Red is a third of full brightness.
  ASSERT_TRUE(runner.ClassifyImage(Bytes(kTiny / "golden/red.png"), scores));
  EXPECT_EQ(TopK(scores, 1)[0].index, 3u);
  ASSERT_TRUE(runner.RunTensor(std::vector<float>(3 * 32 * 32, 0.45f), scores));
  EXPECT_FALSE(AllFinite(scores));
}

}  // namespace
}  // namespace holdfast
