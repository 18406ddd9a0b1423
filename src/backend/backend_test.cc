// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "backend/backend_selection.h"
#include "backend/fake/fake_backend.h"
#include "backend/openvino/openvino_backend.h"
#include "backend/served_tensors.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

// Reads "*.onnx" and does nothing.
class OnnxReader final : public Backend {
 public:
  std::string_view name() const override { return "onnxruntime"; }
  std::string version() const override { return "0"; }
  ThreadsAfterLoad threads_after_load() const override { return ThreadsAfterLoad::kNone; }
  bool Reads(const std::filesystem::path& file) const override {
    return file.extension() == ".onnx";
  }
  Result<std::unique_ptr<Session>> Load(const std::filesystem::path&) override {
    return Error{Reason::kBadModel, ""};
  }
};

TEST(BackendSelection, AutoTakesTheFirstThatReadsTheFileAndANameIsObeyed) {
  OnnxReader onnx;
  FakeBackend fake;
  const std::array<Backend*, 2> both{&onnx, &fake};
  EXPECT_EQ(SelectBackend("auto", "a/model.onnx", both).value(), &onnx);
  EXPECT_EQ(SelectBackend("auto", "a/fake.toml", both).value(), &fake);
  EXPECT_EQ(SelectBackend("fake", "a/fake.toml", both).value(), &fake);
}

TEST(BackendSelection, TheEngineIsThatOfTheFormatAndOnnxHasTwo) {
  OnnxReader onnx;
  OpenVinoBackend openvino;
  const std::array<Backend*, 2> both{&onnx, &openvino};
  EXPECT_EQ(SelectBackend("auto", "a/model.onnx", both).value(), &onnx);
  EXPECT_EQ(SelectBackend("openvino", "a/model.onnx", both).value(), &openvino);
  for (const char* file : {"a/saved_model.pb", "a/model.tflite", "a/model.xml"}) {
    EXPECT_EQ(SelectBackend("auto", file, both).value(), &openvino);
    EXPECT_FALSE(SelectBackend("onnxruntime", file, both));
  }
}

TEST(BackendSelection, SaysWhichEnginesThereAre) {
  OnnxReader onnx;
  const std::array<Backend*, 1> one{&onnx};
  EXPECT_EQ(SelectBackend("auto", "a/model.pb", one).error().message,
            "no engine reads model.pb (there are: onnxruntime)");
  EXPECT_EQ(SelectBackend("fake", "a/fake.toml", one).error().message,
            "this program has no engine \"fake\" (there are: onnxruntime)");
  EXPECT_EQ(SelectBackend("onnxruntime", "a/fake.toml", one).error().message,
            "engine \"onnxruntime\" does not read fake.toml");
  EXPECT_EQ(SelectBackend("auto", "a/model.pb", one).error().reason, Reason::kBadModel);
}

const TensorSpec kPicture{"x", DType::kFloat32, {kAnyDim, 3, 8, 8}};
const TensorSpec kScores{"y", DType::kFloat32, {kAnyDim, 10}};

TEST(ServedTensors, TakesTheFirstOutputThatIsARowOfScores) {
  const std::array outputs{TensorSpec{"features", DType::kFloat32, {kAnyDim, 64, 4, 4}},
                           TensorSpec{"pooled", DType::kFloat32, {1, 10, 1, 1}}, kScores};
  const ServedTensors served = ChooseTensors({&kPicture, 1}, outputs).value();
  EXPECT_EQ(served.output_index, 1u);
  EXPECT_EQ(served.signature.output.name, "pooled");
  EXPECT_EQ(served.signature.output.shape, (Shape{1, 10}));
  EXPECT_EQ(served.signature.input, kPicture);
}

TEST(ServedTensors, SaysWhatTheModelHasAndWhatIsServed) {
  const auto refusal = [](std::vector<TensorSpec> inputs, std::vector<TensorSpec> outputs) {
    const Result<ServedTensors> served = ChooseTensors(inputs, outputs);
    EXPECT_FALSE(served);
    return served ? "" : served.error().message;
  };
  const auto input = [](DType dtype, Shape shape) {
    return std::vector{TensorSpec{"x", dtype, std::move(shape)}};
  };
  const auto output = [](DType dtype, Shape shape) {
    return std::vector{TensorSpec{"y", dtype, std::move(shape)}};
  };
  constexpr DType kF = DType::kFloat32;
  EXPECT_EQ(refusal({kPicture, kScores}, {kScores}),
            "a classifier must have exactly one input; the model has x float32[N,3,8,8], y float32"
            "[N,10]");
  EXPECT_THAT(refusal({}, {kScores}), HasSubstr("the model has none"));
  EXPECT_THAT(refusal(input(DType::kFloat16, {1, 3, 8, 8}), {kScores}),
              HasSubstr("float32, uint8"));
  EXPECT_THAT(refusal(input(kF, {1, 8}), {kScores}), HasSubstr("one picture an item"));
  EXPECT_THAT(refusal(input(kF, {8, 3, 8, 8}), {kScores}), HasSubstr("open or 1"));
  EXPECT_THAT(refusal(input(kF, {1, 3, -1, -1}), {kScores}), HasSubstr("fixed height and width"));
  EXPECT_THAT(refusal(input(kF, {1, 3, 1 << 20, 1 << 20}), {kScores}), HasSubstr("is larger than"));
  EXPECT_THAT(refusal({kPicture}, output(kF, {10})), HasSubstr("one row of scores an item"));
  EXPECT_THAT(refusal({kPicture}, output(kF, {1, 10, 2})), HasSubstr("one row of scores an item"));
  EXPECT_THAT(refusal({kPicture}, output(DType::kInt64, {1, 10})), HasSubstr("must be float32"));
  EXPECT_THAT(refusal({kPicture}, output(kF, {4, 10})), HasSubstr("output's batch"));
  EXPECT_THAT(refusal({kPicture}, output(kF, {1, kAnyDim})), HasSubstr("number of classes"));
}

}  // namespace
}  // namespace holdfast
