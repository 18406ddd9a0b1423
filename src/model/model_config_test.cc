// SPDX-License-Identifier: Apache-2.0
#include "model/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "model/preprocessing_presets.h"
#include "model/words.h"
#include "testing/temp_dir.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

std::string Joined(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) text += problem.where + ' ' + problem.what + '\n';
  return text;
}

// Draws any config that the file format can say.
class ConfigSource {
 public:
  explicit ConfigSource(std::uint32_t seed) : random_(seed) {}

  ModelConfig Draw() {
    ModelConfig config;
    config.engine = Pick({"auto", "onnxruntime", "fake"});
    config.file = Pick({"model.onnx", "a b.onnx", "sub/model.onnx", "mödel \"x\".onnx"});
    if (Coin()) config.labels_file = "labels.txt";
    if (Coin()) config.description = Pick({"a\nb\tc", "\"quoted\" \\ back", "ünï # no comment"});
    config.output = Draw(kOutputWords);
    config.preprocessing = DrawPreprocessing();
    if (Coin()) config.signature.input = DrawSpec();
    if (Coin()) config.signature.output = DrawSpec();
    for (int i = Int(0, 3); i > 0; --i) {
      config.golden.push_back({Pick({"golden/cat.jpg", "x.png"}), Unsigned(0, 1'000'000)});
    }
    for (int i = Int(0, 3); i > 0; --i) {
      std::string digest;
      for (int k = 0; k < 64; ++k) digest += "0123456789abcdef"[Int(0, 15)];
      config.sha256.emplace(Pick({"model.onnx", "labels.txt", "golden/a.b.jpg"}), digest);
    }
    return config;
  }

 private:
  int Int(int min, int max) { return std::uniform_int_distribution<int>(min, max)(random_); }
  std::uint32_t Unsigned(int min, int max) { return static_cast<std::uint32_t>(Int(min, max)); }
  bool Coin() { return Int(0, 1) == 1; }
  std::string Pick(std::initializer_list<const char*> texts) {
    return texts.begin()[Int(0, static_cast<int>(texts.size()) - 1)];
  }
  template <class T, std::size_t N>
  T Draw(const std::array<Word<T>, N>& words) {
    return words[Unsigned(0, N - 1)].value;
  }
  double Number() {
    const double size = std::uniform_real_distribution<double>(-9, 9)(random_);
    const double number = std::exp(size) * (Coin() ? 1 : -1);
    return Coin() ? number : std::round(number) + 20000;
  }
  Preprocessing DrawPreprocessing() {
    Preprocessing p;
    p.geometry = Draw(kGeometryWords);
    p.filter = Draw(kFilterWords);
    p.crop_width = Unsigned(1, 4096);
    p.crop_height = p.geometry == Geometry::kCropThenResize ? p.crop_width : Unsigned(1, 4096);
    p.resize_side = Unsigned(static_cast<int>(std::max(p.crop_width, p.crop_height)), 4096);
    p.order = Draw(kOrderWords);
    p.layout = Draw(kLayoutWords);
    p.scale = Number();
    for (double& channel : p.mean) channel = Coin() ? 0 : Number();
    for (double& channel : p.deviation) channel = Number();
    return p;
  }
  TensorSpec DrawSpec() {
    TensorSpec spec{Pick({"input", "x:0", "a \"b\""}), static_cast<DType>(Int(0, 6)), {}};
    spec.shape.push_back(Coin() ? kAnyDim : 1);
    for (int i = Int(0, 4); i > 0; --i) spec.shape.push_back(Int(1, 500));
    return spec;
  }

  std::mt19937 random_;
};

TEST(ModelConfig, WhatIsFormattedParsesToTheSame) {
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    const ModelConfig config = ConfigSource(seed).Draw();
    const std::string text = FormatModelConfig(config);
    const auto parsed = ParseModelConfig(text, "model.toml");
    ASSERT_TRUE(parsed) << "seed " << seed << '\n' << text << Joined(parsed.error());
    ASSERT_EQ(*parsed, config) << "seed " << seed << '\n' << text;
  }
}

TEST(ModelConfig, AnEmptyFileGivesTheDefaults) {
  EXPECT_EQ(ParseModelConfig("", "model.toml").value(), ModelConfig{});
}

TEST(ModelConfig, TheExampleOfTheReferenceIsAccepted) {
  const std::string page = ReadWholeFile(HOLDFAST_DOCS "/reference/model-toml.md");
  constexpr std::string_view kFence = "```toml\n";
  const std::size_t begin = page.find(kFence);
  ASSERT_NE(begin, std::string::npos);
  const std::size_t end = page.find("```", begin + kFence.size());
  const std::string example = page.substr(begin, end - begin).substr(kFence.size());
  const auto parsed = ParseModelConfig(example, "model-toml.md");
  ASSERT_TRUE(parsed) << Joined(parsed.error());
  EXPECT_EQ(parsed->preprocessing, PreprocessingPreset("torchvision-v2").value());
  EXPECT_EQ(parsed->golden.size(), 1u);
}

struct Broken {
  const char* toml;
  const char* message;
};

class BrokenModelConfig : public testing::TestWithParam<Broken> {};

TEST_P(BrokenModelConfig, IsRefusedWithTheLineAndTheReason) {
  const auto parsed = ParseModelConfig(GetParam().toml, "model.toml");
  ASSERT_FALSE(parsed) << GetParam().toml;
  ASSERT_EQ(parsed.error().size(), 1u) << Joined(parsed.error());
  EXPECT_THAT(Joined(parsed.error()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BrokenModelConfig,
    testing::Values(
        Broken{"\nlabls = \"x\"", "model.toml:2 unknown key labls; did you mean labels?"},
        Broken{"[)", "model.toml:1 "},
        Broken{"zzzzzzzzzz = 1", "model.toml:1 unknown key zzzzzzzzzz\n"},
        Broken{"engine = \"onnx\"", "model.toml:1 engine must be one of \"auto\", \"onnxruntime\""},
        Broken{"engine = \"onnxruntim\"", "did you mean \"onnxruntime\"?"},
        Broken{"engine = 3", "engine must be one of"},
        Broken{"file = \"/etc/passwd\"", "file must lie inside the folder: no absolute path"},
        Broken{"file = \"a/../../b\"", "file must lie inside the folder: no \"..\""},
        Broken{"file = \"\"", "file must name a file"},
        Broken{"file = \"sub/\"", "file must name a file, not a folder"},
        Broken{"file = 7", "file must name a file"},
        Broken{"labels = \"a\\u0007b\"", "labels holds control characters"},
        Broken{"description = 7", "description must be a text in quotes"},
        Broken{"output = \"softmax\"", "output must be one of \"logits\", \"probabilities\""},
        Broken{"preprocessing = 3", "preprocessing must be a table: [preprocessing]"},
        Broken{"[preprocessing]\nresize = 0",
               "model.toml:2 preprocessing.resize must be a whole number from 1 to 4096"},
        Broken{"[preprocessing]\nresize = 5000", "from 1 to 4096"},
        Broken{"[preprocessing]\nresize = 256.0", "must be a whole number"},
        Broken{"[preprocessing]\nresize = 100",
               "preprocessing.resize = 100 is smaller than the crop of 224×224 pixels"},
        Broken{"[preprocessing]\ncrop = 224", "preprocessing.crop must be two whole numbers"},
        Broken{"[preprocessing]\ncrop = [224]", "preprocessing.crop must be two whole numbers"},
        Broken{"[preprocessing]\ncrop = [224, 4097]", "from 1 to 4096: [width, height]"},
        Broken{"[preprocessing]\ngeometry = \"crop-then-resize\"\ncrop = [224, 200]",
               "preprocessing.crop must be square for \"crop-then-resize\", is 224×200"},
        Broken{"[preprocessing]\ndeviation = [1, 0, 1]",
               "preprocessing.deviation must be three numbers other than 0"},
        Broken{"[preprocessing]\nmean = [1, 2]", "preprocessing.mean must be three numbers"},
        Broken{"[preprocessing]\nmean = [1, 2, nan]", "preprocessing.mean must be three numbers"},
        Broken{"[preprocessing]\nscale = 0", "preprocessing.scale must be a number other than 0"},
        Broken{"[preprocessing]\nscale = inf", "preprocessing.scale must be a number"},
        Broken{"[preprocessing]\nstd = [1, 1, 1]", "unknown key preprocessing.std"},
        Broken{"[signature]\ninput = {name = \"x\"}",
               "model.toml:2 signature.input needs a name and a shape"},
        Broken{"[signature]\ninput = {name = \"x\", dtype = \"float\", shape = [1]}",
               "did you mean \"float32\"?"},
        Broken{"[signature]\noutput = {name = \"x\", shape = [-1, -1]}", "the first of them -1"},
        Broken{"[signature]\noutput = {name = \"x\", shape = []}", "must be 1 to 8 sizes"},
        Broken{"golden = 3", "golden must be [[golden]] tables"},
        Broken{"[[golden]]\nfile = \"x.jpg\"", "model.toml:1 golden needs both file and class"},
        Broken{"[[golden]]\nfile = \"x.jpg\"\nclass = -1", "golden.class must be a whole number"},
        Broken{"[[golden]]\nfile = \"../x.jpg\"\nclass = 1", "golden.file must lie inside"},
        Broken{"[sha256]\n\"model.onnx\" = \"abc\"",
               "model.toml:2 sha256.\"model.onnx\" must be 64 hexadecimal digits"},
        Broken{"[sha256]\n\"../x\" = \"abc\"", "sha256: the file name \"../x\" must lie inside"},
        Broken{"file = \"x\"\nfile = \"y\"", "model.toml:2"}, Broken{"a = = 3", "model.toml:1"}));

TEST(ModelConfig, AllProblemsAreReportedAtOnce) {
  const auto parsed = ParseModelConfig(
      "engine = \"x\"\nlabls = \"y\"\n[preprocessing]\nresize = 0\nscale = 0\n"
      "[sha256]\nfile = \"1\"\n",
      "some/model.toml");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().size(), 5u) << Joined(parsed.error());
  for (const Problem& problem : parsed.error()) {
    EXPECT_THAT(problem.where, HasSubstr("some/model.toml:"));
  }
}

TEST(ModelConfig, AHugeFileIsRefusedUnparsed) {
  const auto parsed = ParseModelConfig(std::string(1 << 20, '\n'), "model.toml");
  ASSERT_FALSE(parsed);
  EXPECT_THAT(Joined(parsed.error()), HasSubstr("is larger than"));
}

TEST(PreprocessingPresets, AllHaveAModelTomlThatParses) {
  for (const std::string& name : PreprocessingPresetNames()) {
    ModelConfig config;
    config.preprocessing = PreprocessingPreset(name).value();
    const auto parsed = ParseModelConfig(FormatModelConfig(config), name);
    ASSERT_TRUE(parsed) << Joined(parsed.error());
    EXPECT_EQ(*parsed, config);
  }
  EXPECT_FALSE(PreprocessingPreset("nonsense"));
}

TEST(PreprocessingPresets, SingleKeysAreChangedAndCheckedLikeTheFile) {
  const Preprocessing base = PreprocessingPreset("efficientnet-lite").value();
  Preprocessing expected = base;
  expected.crop_width = expected.crop_height = 260;
  EXPECT_EQ(ChangePreprocessing(base, "crop = [260, 260]", "--preprocessing").value(), expected);
  const auto refused = ChangePreprocessing(base, "crp = [260, 260]", "--preprocessing");
  ASSERT_FALSE(refused);
  EXPECT_THAT(Joined(refused.error()), HasSubstr("did you mean crop?"));
}

}  // namespace
}  // namespace holdfast
