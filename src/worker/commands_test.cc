// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "backend/fake/fake_backend.h"
#include "backend/onnxruntime/onnx_backend.h"
#include "backend/openvino/openvino_backend.h"
#include "model/servable.h"
#include "testing/temp_dir.h"
#include "worker/classify.h"
#include "worker/inspect.h"
#include "worker/pack.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const fs::path kTiny = fs::path(HOLDFAST_TEST_MODELS) / "tiny/1";

struct Printed {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// A stream that ends up in memory.
class Capture {
 public:
  Capture() : stream_(::open_memstream(&text_, &size_)) {}
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  ~Capture() {
    std::fclose(stream_);
    std::free(text_);
  }
  std::FILE* stream() { return stream_; }
  std::string text() {
    std::fflush(stream_);
    return {text_, size_};
  }

 private:
  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* stream_;
};

class Commands : public testing::Test {
 protected:
  template <class Options>
  Printed Run(int (*command)(const Options&, std::span<Backend* const>, const CommandStreams&),
              const Options& options) {
    Capture out;
    Capture err;
    const int exit_code = command(options, backends_, {out.stream(), err.stream()});
    return {exit_code, out.text(), err.text()};
  }

  // Packs the tiny model as a user would who has only its ONNX file.
  PackOptions TinyOptions() const {
    return {.model_file = kTiny / "model.onnx",
            .repository = repository_,
            .name = "tiny",
            .labels_file = kTiny / "labels.txt",
            .preset = "unit",
            .preprocessing = {"mean=0.5,0.5,0.5", "deviation=0.5,0.5,0.5"},
            .golden = {kTiny / "golden/red.png"}};
  }

  TempDir dir_;
  fs::path repository_ = dir_.path() / "models";
  std::unique_ptr<OnnxBackend> onnx_ = OnnxBackend::Open().value();
  FakeBackend fake_;
  std::array<Backend*, 2> backends_{onnx_.get(), &fake_};
};

#if HOLDFAST_HAS_OPENVINO
TEST_F(Commands, PackTakesASavedModelWithItsVariablesAndAnIrWithItsWeights) {
  OpenVinoBackend openvino;
  const std::array<Backend*, 1> backends{&openvino};
  const auto run = [&](auto command, const auto& options) {
    Capture out;
    Capture err;
    const int exit_code = command(options, backends, {out.stream(), err.stream()});
    return Printed{exit_code, out.text(), err.text()};
  };
  const fs::path models = HOLDFAST_TEST_OPENVINO;
  const auto pack = [&](const fs::path& file) {
    return run(Pack, PackOptions{.model_file = models / file,
                                 .repository = repository_,
                                 .name = "keras",
                                 .preset = "unit",
                                 .golden = {kTiny / "golden/red.png"}});
  };
  const Printed saved_model = pack("keras/1/saved_model.pb");
  ASSERT_EQ(saved_model.exit_code, 0) << saved_model.err;
  EXPECT_THAT(saved_model.out, HasSubstr("outputs are probabilities"));
  EXPECT_THAT(ReadWholeFile(repository_ / "keras/1/model.toml"),
              HasSubstr("\"variables/variables.index\" = "));
  const Printed inspected = run(Inspect, InspectOptions{.folder = repository_ / "keras/1"});
  EXPECT_THAT(inspected.out, HasSubstr("nhwc"));
  EXPECT_THAT(inspected.out, HasSubstr("fit to be served"));
  fs::remove(repository_ / "keras/1/variables/variables.index");
  EXPECT_NE(run(Inspect, InspectOptions{.folder = repository_ / "keras/1"}).exit_code, 0);

  const Printed ir = pack("ir/1/model.xml");
  ASSERT_EQ(ir.exit_code, 0) << ir.err;
  EXPECT_TRUE(fs::exists(repository_ / "keras/2/model.bin"));
  dir_.Write("alone.xml", ReadWholeFile(models / "ir/1/model.xml"));
  const Printed alone = pack(dir_.path() / "alone.xml");
  EXPECT_NE(alone.exit_code, 0);
  EXPECT_THAT(alone.err, HasSubstr("alone.bin is missing"));
}
#endif

TEST_F(Commands, PackThenInspectThenClassify) {
  const Printed packed = Run(Pack, TinyOptions());
  ASSERT_EQ(packed.exit_code, 0) << packed.err;
  EXPECT_THAT(packed.out, HasSubstr("crop is 32×32, as the model's input"));
  EXPECT_THAT(packed.out, HasSubstr("outputs are logits"));
  EXPECT_THAT(packed.out, HasSubstr("golden example golden/red.png: red (2), as the model says"));

  const Printed inspected = Run(Inspect, {.folder = repository_ / "tiny"});
  EXPECT_EQ(inspected.exit_code, 0) << inspected.out;
  for (const char* part :
       {"tiny/1", "engine         onnxruntime 1.", "input float32 [N,3,32,32]", "stretch: 32×32",
        "10: black, white, red, …", "golden/red.png → red (2)", "fit to be served"}) {
    EXPECT_THAT(inspected.out, HasSubstr(part));
  }

  const std::string cyan = kTiny / "golden/cyan.png";
  const Printed table =
      Run(Classify, {.folder = repository_ / "tiny/1", .files = {cyan}, .top = 2});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("%  cyan (6)\n"));
}

TEST_F(Commands, PackTakesTheNextVersionAndReplacesOnlyByForce) {
  ASSERT_EQ(Run(Pack, TinyOptions()).exit_code, 0);
  ASSERT_EQ(Run(Pack, TinyOptions()).exit_code, 0);
  EXPECT_TRUE(fs::exists(repository_ / "tiny/2/model.toml"));
  PackOptions options = TinyOptions();
  options.version = 1;
  const Printed refused = Run(Pack, options);
  EXPECT_EQ(refused.exit_code, 64);
  EXPECT_THAT(refused.err, HasSubstr("tiny/1 exists: give another --version, or --force"));
  options.force = true;
  options.description = "the new one";
  EXPECT_EQ(Run(Pack, options).exit_code, 0);
  EXPECT_EQ(ReadServable(repository_ / "tiny/1", {"tiny", 1}).value().config.description,
            "the new one");
  // Nothing but the two versions is left, hidden or not.
  EXPECT_EQ(std::distance(fs::directory_iterator(repository_ / "tiny"), fs::directory_iterator()),
            2);
}

TEST_F(Commands, PackWritesNothingWhenItFails) {
  PackOptions options = TinyOptions();
  options.golden = {(kTiny / "golden/red.png").string() + "=blue"};
  const Printed wrong = Run(Pack, options);
  EXPECT_EQ(wrong.exit_code, 78);
  EXPECT_THAT(wrong.err, HasSubstr("expected blue (4), the model says red (2)"));
  options.golden = {(kTiny / "golden/red.png").string() + "=blu"};
  EXPECT_THAT(Run(Pack, options).err, HasSubstr("no class \"blu\", did you mean \"blue\"?"));
  options = TinyOptions();
  options.model_file = dir_.Write("text.onnx", "this is no model");
  EXPECT_EQ(Run(Pack, options).exit_code, 78);
  options = TinyOptions();
  options.labels_file = dir_.Write("two.txt", "a\nb\n");
  EXPECT_THAT(Run(Pack, options).err, HasSubstr("has 2 labels, the signature's output has 10"));
  options = TinyOptions();
  options.preset = "torchvision";
  EXPECT_THAT(Run(Pack, options).err,
              HasSubstr("the model's input is \"input\" float32[N,3,32,32]"));
  EXPECT_FALSE(fs::exists(repository_ / "tiny"));
}

TEST_F(Commands, PackReportsAllWrongOptionsAtOnce) {
  PackOptions options = TinyOptions();
  options.model_file = "/nonexistent/model.onnx";
  options.labels_file = "/nonexistent/labels.txt";
  options.name = "a/b";
  options.preset = "torchvison";
  const Printed printed = Run(Pack, options);
  EXPECT_EQ(printed.exit_code, 66);
  for (const char* part : {"model.onnx is missing", "labels.txt is missing",
                           "\"a/b\" cannot name a model", "did you mean torchvision?"}) {
    EXPECT_THAT(printed.err, HasSubstr(part));
  }
  options = TinyOptions();
  options.preprocessing = {"crp=3", "scale=0"};
  EXPECT_THAT(Run(Pack, options).err, HasSubstr("unknown key preprocessing.crp; did you mean"));
}

TEST_F(Commands, PackRefusesAModelWhoseWeightsAreMissing) {
  // To protobuf, appended bytes are further fields: one more initializer, kept in "w.in".
  const std::string tensor("\x6A\x10\x0A\x08location\x12\x04w.in", 18);
  const std::string graph = "\x2A\x12" + tensor;
  const std::string model = "\x3A\x14" + graph;
  PackOptions options = TinyOptions();
  options.model_file = dir_.Write("external.onnx", ReadWholeFile(kTiny / "model.onnx") + model);
  EXPECT_THAT(Run(Pack, options).err, HasSubstr("w.in is missing"));
}

TEST_F(Commands, InspectListsAllProblemsAndItsJsonSaysTheSame) {
  ASSERT_EQ(Run(Pack, TinyOptions()).exit_code, 0);
  dir_.Write("models/tiny/1/golden/red.png", ReadWholeFile(kTiny / "golden/cyan.png"));
  const fs::path folder = repository_ / "tiny/1";
  const Printed text = Run(Inspect, {.folder = folder});
  EXPECT_EQ(text.exit_code, 78);
  EXPECT_THAT(text.out, HasSubstr("golden/red.png: is not the file that was packed"));
  EXPECT_THAT(text.out, HasSubstr("expected red (2), the model says cyan (6)"));
  EXPECT_THAT(text.out, HasSubstr("2 problem(s)"));

  const Printed json = Run(Inspect, {.folder = folder, .json = true});
  EXPECT_EQ(json.exit_code, 78);
  rapidjson::Document document;
  document.Parse(json.out.c_str());
  ASSERT_FALSE(document.HasParseError()) << json.out;
  EXPECT_STREQ(document["model"].GetString(), "tiny");
  EXPECT_STREQ(document["version"].GetString(), "1");
  EXPECT_EQ(document["problems"].Size(), 2u);
  EXPECT_EQ(document["labels"].Size(), 10u);
  EXPECT_EQ(document["files"].Size(), 4u);
  EXPECT_STREQ(document["preprocessing"]["geometry"].GetString(), "stretch");
}

TEST_F(Commands, InspectOfWhatIsNotThereIs66AndOfABrokenFolder78) {
  EXPECT_EQ(Run(Inspect, {.folder = dir_.path() / "gone/1"}).exit_code, 66);
  fs::create_directories(dir_.path() / "empty/1");
  const Printed printed = Run(Inspect, {.folder = dir_.path() / "empty/1"});
  EXPECT_EQ(printed.exit_code, 78);
  EXPECT_THAT(printed.out, HasSubstr("model.onnx: is missing, and so is model.toml"));
}

TEST_F(Commands, ClassifyJsonHasTheFieldsOfTheHttpAnswer) {
  const Printed printed =
      Run(Classify, {.folder = kTiny, .files = {kTiny / "golden/red.png"}, .top = 3, .json = true});
  ASSERT_EQ(printed.exit_code, 0) << printed.err;
  rapidjson::Document document;
  document.Parse(printed.out.c_str());
  ASSERT_FALSE(document.HasParseError()) << printed.out;
  EXPECT_STREQ(document["model"].GetString(), "tiny");
  EXPECT_STREQ(document["version"].GetString(), "1");
  ASSERT_EQ(document["predictions"].Size(), 3u);
  const auto& best = document["predictions"][0];
  EXPECT_STREQ(best["label"].GetString(), "red");
  EXPECT_EQ(best["index"].GetInt(), 2);
  EXPECT_GT(best["probability"].GetDouble(), 0.9);
}

TEST_F(Commands, AFileThatCannotBeClassifiedCostsOnlyItsOwnAnswer) {
  const std::string text = dir_.Write("notes.txt", "plain text, no photo");
  ClassifyOptions options{.folder = kTiny,
                          .files = {text, "/nonexistent.jpg", kTiny / "golden/red.png"}};
  const Printed table = Run(Classify, options);
  EXPECT_EQ(table.exit_code, 66);
  EXPECT_THAT(table.out, HasSubstr("red (2)"));
  EXPECT_THAT(table.err, HasSubstr("holdfast: " + text + ": "));
  EXPECT_THAT(table.err, HasSubstr("holdfast: /nonexistent.jpg: No such file"));
  options.json = true;
  const Printed json = Run(Classify, options);
  EXPECT_EQ(json.exit_code, 66);
  EXPECT_THAT(json.err, IsEmpty());
  EXPECT_THAT(json.out, HasSubstr("\"code\":415,\"reason\":\"UNSUPPORTED_MEDIA\""));
  EXPECT_THAT(json.out, HasSubstr("\"reason\":\"NOT_FOUND\""));
  EXPECT_EQ(std::count(json.out.begin(), json.out.end(), '\n'), 3);
}

TEST_F(Commands, ClassifyNeedsAModelThatLoads) {
  EXPECT_EQ(Run(Classify, {.folder = dir_.path() / "gone"}).exit_code, 66);
  dir_.Write("bad/1/model.onnx", "no model");
  const Printed bad = Run(Classify, {.folder = dir_.path() / "bad"});
  EXPECT_EQ(bad.exit_code, 78);
  EXPECT_THAT(bad.err, Not(IsEmpty()));
}

}  // namespace
}  // namespace holdfast
