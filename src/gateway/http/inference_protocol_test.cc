// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "gateway/http/face.h"
#include "gateway/http/inference_protocol_json.h"

namespace holdfast {
namespace {

constexpr std::string_view kPng = "\x89PNG\r\n\x1a\n";
constexpr std::string_view kPngBase64 = "iVBORw0KGgo=";

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

std::string Parsed(std::string body, std::optional<std::size_t> json_bytes = std::nullopt) {
  for (std::size_t at; (at = body.find("IMAGE")) != std::string::npos;) {
    body.replace(at, 5, kPngBase64);
  }
  const ByteView bytes(reinterpret_cast<const std::uint8_t*>(body.data()), body.size());
  const CallResult call = ParseInferenceProtocol(bytes, json_bytes, Tiny(), 4);
  if (!call) {
    std::string text =
        fmt::format("{} {}", Describe(call.error().reason).http, call.error().message);
    return call.error().item ? fmt::format("{} (item {})", text, *call.error().item) : text;
  }
  EXPECT_EQ(call->form, AnswerForm::kInferenceProtocol);
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
  text += fmt::format("id={} k={} b={}", call->reply.id, call->reply.classes, call->reply.binary);
  return text;
}

TEST(ParseInferenceProtocol, TakesFlatAndNestedData) {  // protocols.md 8.11
  EXPECT_EQ(Parsed(R"({"id":"q","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32",
                       "data":[1,2,3,4.5]}]})"),
            "[1 2] [3 4.5] id=q k=0 b=false");
  EXPECT_EQ(Parsed(R"({"inputs":[{"data":[[1,2],[3,4]],"datatype":"FP32","shape":[2,2],
                       "parameters":{"unknown":7},"name":"x"}],"parameters":{"x":{"y":[1]}}})"),
            "[1 2] [3 4] id= k=0 b=false");
}

TEST(ParseInferenceProtocol, TakesImagesAsBase64) {
  EXPECT_EQ(Parsed(R"({"inputs":[{"name":"image","shape":[2,1],"datatype":"BYTES",
                       "data":["IMAGE",["IMAGE"]]}]})"),
            "image:8 image:8 id= k=0 b=false");
}

TEST(ParseInferenceProtocol, KnowsWhatTheAnswerShallBe) {
  const std::string input =
      R"("inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}])";
  EXPECT_EQ(Parsed("{" + input + R"(,"outputs":[{"name":"y","parameters":{"classification":2}}]})"),
            "[1 2] id= k=2 b=false");
  EXPECT_EQ(Parsed("{" + input + R"(,"parameters":{"binary_data_output":true}})"),
            "[1 2] id= k=0 b=true");
  // The output's own word counts for more than the request's.
  EXPECT_EQ(Parsed("{" + input +
                   R"(,"outputs":[{"name":"y","parameters":{"binary_data":false}}],)"
                   R"("parameters":{"binary_data_output":true}})"),
            "[1 2] id= k=0 b=false");
}

TEST(ParseInferenceProtocol, TakesTensorsBehindTheJson) {
  const std::string json =
      R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}]})";
  const std::string tensor("\0\0\x80\x3f\0\0\0\x40", 8);
  EXPECT_EQ(Parsed(json + tensor, json.size()), "[1 2] id= k=0 b=false");
  EXPECT_EQ(Parsed(json + tensor + "z", json.size()),
            "400 binary_data_size is 8, and 9 bytes follow the JSON");
  EXPECT_EQ(Parsed(json, json.size()), "400 binary_data_size is 8, and 0 bytes follow the JSON");
  EXPECT_EQ(Parsed(json, json.size() + 1),
            fmt::format("400 Inference-Header-Content-Length is {}, and the body has {} bytes",
                        json.size() + 1, json.size()));
  const std::string images =
      R"({"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":12}}]})";
  EXPECT_EQ(Parsed(images + std::string("\x08\0\0\0", 4) + std::string(kPng), images.size()),
            "image:8 id= k=0 b=false");
}

TEST(ParseInferenceProtocol, TakesABareInput) {  // "Inference-Header-Content-Length: 0"
  EXPECT_EQ(Parsed(std::string(kPng), 0), "image:8 id= k=0 b=false");
  EXPECT_EQ(Parsed(std::string("\0\0\x80\x3f\0\0\0\x40", 8), 0), "[1 2] id= k=0 b=false");
  EXPECT_TRUE(Parsed("hello", 0).starts_with("415 the body is neither an image"));
}

TEST(ParseInferenceProtocol, RefusesWithWords) {
  const auto with = [](std::string_view input) {
    return Parsed(fmt::format(R"({{"inputs":[{}]}})", input));
  };
  EXPECT_TRUE(Parsed("").starts_with("400 JSON parse error"));
  EXPECT_TRUE(Parsed("[]").starts_with("400 the request: expected an object"));
  EXPECT_TRUE(Parsed("{}").starts_with("400 the request has no \"inputs\"; the model's input is"));
  EXPECT_TRUE(Parsed(R"({"inputs":5})").starts_with("400 \"inputs\": expected a list"));
  EXPECT_EQ(with(R"({"name":"z","shape":[1,2],"datatype":"FP32","data":[1,2]})"),
            "400 there is no input \"z\"; the model's input is \"x\", or \"image\" for an encoded "
            "image");
  EXPECT_EQ(with(R"({"name":"x","shape":[1,2],"datatype":"FP32"})"),
            "400 input \"x\" needs either \"data\" or \"binary_data_size\"");
  EXPECT_EQ(with(R"({"name":"x","datatype":"FP32","data":[1,2]})"),
            "400 input \"x\" has no \"shape\"");
  EXPECT_EQ(with(R"({"name":"x","shape":[1,2],"datatype":"INT8","data":[1,2]})"),
            "400 input \"x\" has the datatype \"INT8\"; the model's is FP32");
  EXPECT_EQ(with(R"({"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2]})"),
            "400 x has the shape [1,3]; expected [N,2]");
  EXPECT_EQ(with(R"({"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2]})"),
            "400 x has fewer numbers than its shape says");
  EXPECT_EQ(with(R"({"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2,3]})"),
            "400 x has more numbers than its shape says");
  EXPECT_EQ(with(R"({"name":"x","shape":[1,2],"datatype":"FP32","data":[1,"2"]})"),
            "400 x: expected numbers as \"data\"");
  EXPECT_EQ(with(R"({"name":"x","shape":[1,2],"datatype":"FP32","data":[1,1e39]})"),
            "400 x has a number too big for float32");
  EXPECT_EQ(with(R"({"name":"x","shape":[5,2],"datatype":"FP32","data":[]})"),
            "413 x: a batch of 5; at most 4 in one request");
  EXPECT_EQ(with(R"({"name":"x","shape":[1.5,2],"datatype":"FP32","data":[1,2]})"),
            "400 an input's \"shape\": expected a whole number");
  EXPECT_TRUE(with(R"({"name":"image","shape":[2],"datatype":"BYTES","data":["IMAGE","aGk="]})")
                  .starts_with("415 image[1]: not an image we read"));
  EXPECT_TRUE(with(R"({"name":"image","shape":[2],"datatype":"BYTES","data":["IMAGE","aGk="]})")
                  .ends_with("(item 1)"));
  EXPECT_TRUE(with(R"({"name":"image","shape":[1],"datatype":"BYTES","data":["####"]})")
                  .starts_with("400 image[0]: an image as base64 is expected"));
  EXPECT_EQ(with(R"({"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]},
                    {"name":"image","shape":[1],"datatype":"BYTES","data":["IMAGE"]})"),
            "400 one input is expected; the model's input is \"x\", or \"image\" for an encoded "
            "image");
  EXPECT_EQ(Parsed(R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}],
                       "outputs":[{"name":"z"}]})"),
            "400 \"outputs\" names \"z\"; the model's output is \"y\"");
}

ItemOutcome Scores(std::vector<float> scores) {
  ItemOutcome outcome;
  outcome.reason = Reason::kOk;
  outcome.scores = std::move(scores);
  return outcome;
}

HttpAnswer Rendered(const InferenceProtocolReply& reply, const std::vector<ItemOutcome>& outcomes) {
  ParsedCall call;
  call.form = AnswerForm::kInferenceProtocol;
  call.reply = reply;
  return RenderCall(Route{}, HttpRequest{}, call, Tiny(), outcomes);
}

TEST(RenderInferenceProtocol, GivesTheTensorAsJson) {
  EXPECT_EQ(Rendered({.id = "q"}, {Scores({0.25F, 0.5F, 0.25F}), Scores({1, 0, 0})}).body,
            R"({"model_name":"tiny","model_version":"1","id":"q","outputs":[{"name":"y",)"
            R"("datatype":"FP32","shape":[2,3],"data":[0.25,0.5,0.25,1.0,0.0,0.0]}]})"
            "\n");
}

TEST(RenderInferenceProtocol, GivesTheTensorAsBytes) {
  const HttpAnswer answer = Rendered({.binary = true}, {Scores({1.0F, 2.0F})});
  ASSERT_EQ(answer.headers.size(), 1U);
  EXPECT_EQ(answer.headers[0].first, "Inference-Header-Content-Length");
  const auto json = static_cast<std::size_t>(std::stoul(answer.headers[0].second));
  EXPECT_EQ(answer.body.substr(json), std::string("\0\0\x80\x3f\0\0\0\x40", 8));
  EXPECT_NE(answer.body.find(R"("parameters":{"binary_data_size":8}}]})"), std::string::npos);
  EXPECT_EQ(answer.content_type, "application/octet-stream");
}

TEST(RenderInferenceProtocol, NamesClasses) {
  EXPECT_NE(Rendered({.classes = 2}, {Scores({0.25F, 0.5F, 0.125F})})
                .body.find(R"("datatype":"BYTES","shape":[1,2],"data":["0.5:1:dog","0.25:0:cat"])"),
            std::string::npos);
  const HttpAnswer bytes = Rendered({.classes = 1, .binary = true}, {Scores({0.0F, 1.0F, 0.0F})});
  EXPECT_TRUE(bytes.body.ends_with(std::string("\x07\0\0\0", 4) + "1:1:dog"));
}

TEST(RenderModelConfiguration, SaysWhatTritonsClientsNeed) {
  const std::string body = RenderModelConfiguration(Tiny(), 2).body;
  for (const char* part :
       {R"("name":"tiny")", R"("platform":"onnxruntime_onnx")", R"("max_batch_size":64)",
        R"({"name":"x","data_type":"TYPE_FP32","dims":[2]})",
        R"({"name":"image","data_type":"TYPE_STRING","dims":[1]})", R"("count":2)"}) {
    EXPECT_NE(body.find(part), std::string::npos) << part << " in " << body;
  }
}

TEST(RenderModelStatistics, CountsInNanoseconds) {
  InferenceStatistics did;
  did.success.Add(std::chrono::milliseconds(3));
  did.infer.Add(std::chrono::milliseconds(2));
  const std::string body = RenderModelStatistics({{{"tiny", 1}, did}}).body;
  EXPECT_NE(body.find(R"("success":{"count":1,"ns":3000000})"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("batch_stats":[{"batch_size":1,)"), std::string::npos) << body;
}

TEST(TorchServe, GivesLabelsWithTheirProbabilities) {
  ParsedCall call;
  call.form = AnswerForm::kLabelScores;
  Route route;
  route.endpoint = Endpoint::kPredictions;
  route.top = 2;
  EXPECT_EQ(RenderCall(route, HttpRequest{}, call, Tiny(), {Scores({0.25F, 0.5F, 0.125F})}).body,
            "{\"dog\":0.5,\"cat\":0.25}\n");
}

TEST(TorchServe, NamesItsErrors) {
  Route route;
  route.endpoint = Endpoint::kPredictions;
  EXPECT_EQ(TorchServeErrorType(route, Reason::kNotFound), "ModelNotFoundException");
  route.version = 3;
  EXPECT_EQ(TorchServeErrorType(route, Reason::kNotFound), "ModelVersionNotFoundException");
  route.endpoint = Endpoint::kPredict;
  EXPECT_EQ(TorchServeErrorType(route, Reason::kNotFound), "");
}

TEST(ExecutionParameters, KeepToTheBoundsOfABatchTransform) {
  EXPECT_EQ(RenderExecutionParameters(2, MiB(16)).body,
            "{\"MaxConcurrentTransforms\":3,\"BatchStrategy\":\"SINGLE_RECORD\","
            "\"MaxPayloadInMB\":16}\n");
  EXPECT_NE(RenderExecutionParameters(64, MiB(500)).body.find("\"MaxConcurrentTransforms\":1,"),
            std::string::npos);
}

}  // namespace
}  // namespace holdfast
