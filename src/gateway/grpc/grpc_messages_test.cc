// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "gateway/grpc/open_inference_messages.h"
#include "gateway/grpc/tensorflow_messages.h"

namespace holdfast {
namespace {

constexpr std::string_view kPng = "\x89PNG\r\n\x1a\n";

ServableDescription Tiny() {
  ServableDescription servable;
  servable.key = {"tiny", 1};
  servable.engine = "onnxruntime 1.28.0";
  servable.signature.input = {"x", DType::kFloat32, {kAnyDim, 2}};
  servable.signature.output = {"y", DType::kFloat32, {kAnyDim, 3}};
  servable.output = OutputKind::kProbabilities;
  servable.labels = {"cat", "dog", "axolotl"};
  return servable;
}

std::string Shown(const CallResult& call) {
  if (!call) {
    return fmt::format("{}{} {}", Describe(call.error().reason).grpc,
                       call.error().precondition ? "!" : "", call.error().message);
  }
  std::string text;
  for (const InferenceItem& item : call->items) {
    const ByteView view = item.bytes.view();
    if (item.kind == ItemKind::kEncodedImage) {
      text += fmt::format("image:{} ", view.size());
      continue;
    }
    std::vector<float> floats(view.size() / sizeof(float));
    std::memcpy(floats.data(), view.data(), view.size());
    text += fmt::format("[{}] ", fmt::join(floats, " "));
  }
  return text;
}

ItemOutcome Scores(std::vector<float> scores) {
  ItemOutcome outcome;
  outcome.reason = Reason::kOk;
  outcome.scores = std::move(scores);
  return outcome;
}

// --- TensorFlow Serving ---

tensorflow::serving::PredictRequest Predict(const std::string& name, tensorflow::DataType dtype,
                                            std::initializer_list<std::int64_t> shape) {
  tensorflow::serving::PredictRequest request;
  auto& tensor = (*request.mutable_inputs())[name];
  tensor.set_dtype(dtype);
  for (const std::int64_t size : shape) tensor.mutable_tensor_shape()->add_dim()->set_size(size);
  return request;
}

std::string Parsed(const tensorflow::serving::PredictRequest& request) {
  return Shown(ParsePredict(request, Tiny(), 4));
}

TEST(ParsePredict, TakesContentAndLists) {
  auto request = Predict("x", tensorflow::DT_FLOAT, {2, 2});
  auto& tensor = (*request.mutable_inputs())["x"];
  const std::vector<float> numbers{1, 2, 3, 4};
  tensor.set_tensor_content(std::string(reinterpret_cast<const char*>(numbers.data()), 16));
  EXPECT_EQ(Parsed(request), "[1 2] [3 4] ");
  tensor.clear_tensor_content();
  for (const float number : numbers) tensor.add_float_val(number);
  EXPECT_EQ(Parsed(request), "[1 2] [3 4] ");
  tensor.mutable_float_val()->Truncate(2);
  EXPECT_EQ(Parsed(request), "[1 2] [2 2] ") << "the last value repeats";
  tensor.clear_float_val();
  EXPECT_EQ(Parsed(request), "3 x has 0 values; its shape has 4");
}

TEST(ParsePredict, TakesImagesUnderBothNames) {
  for (const char* name : {"image", "x"}) {
    auto request = Predict(name, tensorflow::DT_STRING, {2});
    auto& tensor = (*request.mutable_inputs())[name];
    tensor.add_string_val(std::string(kPng));
    EXPECT_TRUE(Parsed(request).starts_with("3 ")) << "one string is missing";
    tensor.add_string_val(std::string(kPng));
    EXPECT_EQ(Parsed(request), "image:8 image:8 ");
    request.mutable_model_spec()->set_signature_name("serving_bytes");
    EXPECT_EQ(Parsed(request), "image:8 image:8 ");
  }
  auto scalar = Predict("image", tensorflow::DT_STRING, {});
  (*scalar.mutable_inputs())["image"].add_string_val(std::string(kPng));
  EXPECT_EQ(Parsed(scalar), "image:8 ");
}

TEST(ParsePredict, Refuses) {
  EXPECT_EQ(Parsed({}),
            "3 one input is expected, 0 came; the model's input is \"x\", or \"image\" "
            "for an encoded image");
  EXPECT_TRUE(Parsed(Predict("z", tensorflow::DT_FLOAT, {1, 2})).starts_with("3 there is no such"));
  EXPECT_EQ(Parsed(Predict("x", tensorflow::DT_DOUBLE, {1, 2})),
            "3 input \"x\" has the type DT_DOUBLE; the model's is DT_FLOAT");
  EXPECT_EQ(Parsed(Predict("x", tensorflow::DT_FLOAT, {1, 3})),
            "3 x has the shape [1,3]; expected [N,2]");
  EXPECT_EQ(Parsed(Predict("x", tensorflow::DT_FLOAT, {5, 2})),
            "8 x: a batch of 5; at most 4 in one request");
  auto unknown = Predict("x", tensorflow::DT_FLOAT, {1, 2});
  unknown.mutable_model_spec()->set_signature_name("foo");
  EXPECT_TRUE(Parsed(unknown).starts_with("3! unknown signature"));
  auto filtered = Predict("x", tensorflow::DT_FLOAT, {1, 2});
  filtered.add_output_filter("z");
  EXPECT_TRUE(Parsed(filtered).starts_with("3 output_filter"));
  auto text = Predict("image", tensorflow::DT_STRING, {1});
  (*text.mutable_inputs())["image"].add_string_val("hello");
  EXPECT_TRUE(Parsed(text).starts_with("3 image[0]: not an image we read"));
}

TEST(ParseClassify, TakesExamples) {
  tensorflow::serving::ClassificationRequest request;
  auto& features =
      *request.mutable_input()->mutable_example_list()->add_examples()->mutable_features();
  (*features.mutable_feature())["image"].mutable_bytes_list()->add_value(std::string(kPng));
  auto& floats =
      *request.mutable_input()->mutable_example_list()->add_examples()->mutable_features();
  (*floats.mutable_feature())["x"].mutable_float_list()->add_value(1);
  EXPECT_EQ(Shown(ParseClassify(request, Tiny(), 4)),
            "3 examples[1]: \"x\" has 1 floats; the model's input has 2");
  (*floats.mutable_feature())["x"].mutable_float_list()->add_value(2);
  EXPECT_EQ(Shown(ParseClassify(request, Tiny(), 4)), "image:8 [1 2] ");
  EXPECT_TRUE(Shown(ParseClassify({}, Tiny(), 4)).starts_with("3 the input has no examples"));
}

TEST(TensorFlowAnswers, HaveTheirShape) {
  tensorflow::serving::PredictResponse predicted;
  FillPredict(Tiny(), {Scores({0.25F, 0.5F, 0.25F})}, "", predicted);
  EXPECT_EQ(predicted.outputs().at("y").float_val(1), 0.5F);
  EXPECT_EQ(predicted.model_spec().signature_name(), "serving_default");
  tensorflow::serving::ClassificationResponse classified;
  FillClassify(Tiny(), {Scores({0.25F, 0.5F, 0.125F})}, "", classified);
  EXPECT_EQ(classified.result().classifications(0).classes(0).label(), "dog");
  EXPECT_EQ(classified.result().classifications(0).classes_size(), 3);
  tensorflow::serving::GetModelMetadataResponse metadata;
  FillMetadata(Tiny(), metadata);
  tensorflow::serving::SignatureDefMap signatures;
  ASSERT_TRUE(metadata.metadata().at("signature_def").UnpackTo(&signatures));
  const auto& bytes = signatures.signature_def().at("serving_bytes");
  EXPECT_EQ(bytes.inputs().at("image").dtype(), tensorflow::DT_STRING);
  tensorflow::serving::GetModelStatusResponse status;
  FillStatus({{.key = {"tiny", 2}, .state = ServableState::kEnd, .reason = Reason::kBadModel}},
             status);
  EXPECT_EQ(status.model_version_status(0).state(), tensorflow::serving::ModelVersionStatus::END);
  EXPECT_EQ(status.model_version_status(0).status().error_code(),
            tensorflow::error::FAILED_PRECONDITION);
}

// --- Open Inference Protocol ---

inference::ModelInferRequest Infer(const std::string& name, const std::string& datatype,
                                   std::initializer_list<std::int64_t> shape) {
  inference::ModelInferRequest request;
  auto& input = *request.add_inputs();
  input.set_name(name);
  input.set_datatype(datatype);
  for (const std::int64_t size : shape) input.add_shape(size);
  return request;
}

std::string Parsed(const inference::ModelInferRequest& request) {
  return Shown(ParseInfer(request, Tiny(), 4));
}

TEST(ParseInfer, TakesRawAndTypedContents) {
  auto raw = Infer("x", "FP32", {2, 2});
  const std::vector<float> numbers{1, 2, 3, 4};
  raw.add_raw_input_contents(std::string(reinterpret_cast<const char*>(numbers.data()), 16));
  EXPECT_EQ(Parsed(raw), "[1 2] [3 4] ");
  auto typed = Infer("x", "FP32", {2, 2});
  for (const float number : numbers) {
    typed.mutable_inputs(0)->mutable_contents()->add_fp32_contents(number);
  }
  EXPECT_EQ(Parsed(typed), "[1 2] [3 4] ");
  typed.add_raw_input_contents("x");
  EXPECT_TRUE(Parsed(typed).starts_with("3 the input has typed contents and raw ones"));
}

TEST(ParseInfer, TakesImages) {
  auto raw = Infer("image", "BYTES", {1});
  raw.add_raw_input_contents(std::string("\x08\0\0\0", 4) + std::string(kPng));
  EXPECT_EQ(Parsed(raw), "image:8 ");
  auto typed = Infer("image", "BYTES", {2, 1});
  typed.mutable_inputs(0)->mutable_contents()->add_bytes_contents(std::string(kPng));
  EXPECT_EQ(Parsed(typed), "3 image has 1 strings; its shape 2");
  typed.mutable_inputs(0)->mutable_contents()->add_bytes_contents("hello");
  const auto call = ParseInfer(typed, Tiny(), 4);
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().item, 1U);
}

TEST(ParseInfer, Refuses) {
  EXPECT_TRUE(
      Parsed(inference::ModelInferRequest()).starts_with("3 one input is expected, 0 came"));
  EXPECT_TRUE(Parsed(Infer("z", "FP32", {1, 2})).starts_with("3 there is no such input"));
  EXPECT_TRUE(Parsed(Infer("x", "INT8", {1, 2})).starts_with("3 input \"x\" has another datatype"));
  EXPECT_TRUE(Parsed(Infer("image", "FP32", {1})).starts_with("3 input \"image\": encoded images"));
  EXPECT_TRUE(Parsed(Infer("x", "FP32", {1, 2})).starts_with("3 x has 0 bytes"));
  auto output = Infer("x", "FP32", {1, 2});
  output.add_outputs()->set_name("z");
  EXPECT_TRUE(Parsed(output).starts_with("3 the model has no such output"));
}

TEST(OpenInferenceAnswers, HaveTheirShape) {
  ParsedCall call;
  call.reply = {.id = "q", .classes = 2};
  inference::ModelInferResponse classes;
  FillInfer(call, Tiny(), {Scores({0.25F, 0.5F, 0.125F})}, classes);
  EXPECT_EQ(classes.id(), "q");
  EXPECT_EQ(classes.outputs(0).datatype(), "BYTES");
  EXPECT_EQ(classes.raw_output_contents(0), std::string("\x09\0\0\0", 4) + "0.5:1:dog" +
                                                std::string("\x0a\0\0\0", 4) + "0.25:0:cat");
  call.reply.classes = 0;
  inference::ModelInferResponse scores;
  FillInfer(call, Tiny(), {Scores({1, 0, 0}), Scores({0, 1, 0})}, scores);
  EXPECT_EQ(scores.outputs(0).shape(0), 2);
  EXPECT_EQ(scores.raw_output_contents(0).size(), 24U);
  inference::ModelConfigResponse config;
  FillModelConfig(Tiny(), 2, config);
  EXPECT_EQ(config.config().input(1).data_type(), inference::TYPE_STRING);
  inference::RepositoryIndexResponse index;
  FillIndex({{.key = {"tiny", 2}, .state = ServableState::kAvailable},
             {.key = {"tiny", 1}, .state = ServableState::kEnd}},
            true, index);
  ASSERT_EQ(index.models_size(), 1);
  EXPECT_EQ(index.models(0).state(), "READY");
}

}  // namespace
}  // namespace holdfast
