// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gateway/http/face.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

ServableDescription Animals(OutputKind output = OutputKind::kProbabilities) {
  ServableDescription servable;
  servable.key = {"animals", 7};
  servable.signature.input = {"x", DType::kFloat32, {1, 3, 224, 224}};
  servable.signature.output = {"y", DType::kFloat32, {1, 3}};
  servable.output = output;
  servable.labels = {"cat, \"tabby\"", "dog", "axolotl"};
  return servable;
}

ItemOutcome Scores(std::vector<float> scores) {
  ItemOutcome outcome;
  outcome.reason = Reason::kOk;
  outcome.scores = std::move(scores);
  return outcome;
}

HttpAnswer Rendered(Endpoint endpoint, AnswerForm form, std::vector<ItemOutcome> outcomes,
                    std::uint32_t top = 2, std::string_view accept = "") {
  Route route;
  route.endpoint = endpoint;
  route.top = top;
  HttpRequest request;
  request.accept = accept;
  ParsedCall call;
  call.form = form;
  return RenderCall(route, request, call, Animals(), outcomes);
}

TEST(RenderCall, NamesTheBestClassesOfAnImage) {  // Raw 1.
  const HttpAnswer answer =
      Rendered(Endpoint::kClassify, AnswerForm::kPredictions, {Scores({0.25F, 0.62F, 0.13F})});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(answer.body, R"({"model":"animals","version":"7","predictions":[)"
                         R"({"label":"dog","index":1,"probability":0.62},)"
                         R"({"label":"cat, \"tabby\"","index":0,"probability":0.25}]})"
                         "\n");
}

TEST(RenderCall, GivesNoMoreClassesThanThereAre) {
  const HttpAnswer answer =
      Rendered(Endpoint::kClassify, AnswerForm::kPredictions, {Scores({0.5F, 0.5F})}, 1000);
  EXPECT_NE(answer.body.find(R"("index":0,"probability":0.5},{"label":"dog")"), std::string::npos);
}

TEST(RenderCall, GivesAListForEachOfSeveralImages) {
  const HttpAnswer answer = Rendered(Endpoint::kInvocations, AnswerForm::kPredictions,
                                     {Scores({1.0F}), Scores({1.0F})}, 1);
  EXPECT_NE(answer.body.find(R"("predictions":[[{"label")"), std::string::npos);
  EXPECT_NE(answer.body.find(R"(}],[{"label")"), std::string::npos);
}

TEST(RenderCall, GivesTensorFlowServingsForms) {  // tfs-rest 2, 8.6
  const std::vector<ItemOutcome> outcomes{Scores({0.25F, 0.75F}), Scores({1.0F, 0.0F})};
  EXPECT_EQ(Rendered(Endpoint::kPredict, AnswerForm::kRowTensors, outcomes).body,
            "{\"predictions\":[[0.25,0.75],[1.0,0.0]]}\n");
  EXPECT_EQ(Rendered(Endpoint::kPredict, AnswerForm::kColumnTensors, outcomes).body,
            "{\"outputs\":[[0.25,0.75],[1.0,0.0]]}\n");
  EXPECT_EQ(Rendered(Endpoint::kTensorFlowClassify, AnswerForm::kClassifyResult, outcomes, 1).body,
            R"({"results":[[["dog",0.75]],[["cat, \"tabby\"",1.0]]]})"
            "\n");
}

TEST(RenderCall, AnswersInvocationsInTheTypeThatIsAccepted) {  // sagemaker 5
  const std::vector<ItemOutcome> outcomes{Scores({0.75F, 0.25F}), Scores({0.0F, 1.0F})};
  const auto rendered = [&](AnswerForm form, std::string_view accept) {
    return Rendered(Endpoint::kInvocations, form, outcomes, 1, accept);
  };
  EXPECT_EQ(rendered(AnswerForm::kRowTensors, "text/csv").content_type, "text/csv");
  EXPECT_EQ(rendered(AnswerForm::kRowTensors, "text/csv").body, "0.75,0.25\n0.0,1.0\n");
  EXPECT_EQ(rendered(AnswerForm::kPredictions, "text/csv").body,
            "\"cat, \"\"tabby\"\"\",0,0.75\ndog,1,1.0\n");
  EXPECT_EQ(rendered(AnswerForm::kRowTensors, "application/jsonlines").content_type,
            "application/jsonlines");
  EXPECT_EQ(rendered(AnswerForm::kRowTensors, "application/jsonlines").body,
            "[0.75,0.25]\n[0.0,1.0]\n");
  EXPECT_EQ(rendered(AnswerForm::kPredictions, "application/jsonlines").body,
            R"({"model":"animals","version":"7","predictions":[)"
            R"({"label":"cat, \"tabby\"","index":0,"probability":0.75}]})"
            "\n"
            R"({"model":"animals","version":"7","predictions":[)"
            R"({"label":"dog","index":1,"probability":1.0}]})"
            "\n");
}

TEST(CheckAccept, RefusesOnlyWhatCannotBeAnswered) {  // failures 4, aws A.3
  const auto accepted = [](Endpoint endpoint, std::string_view accept) {
    Route route;
    route.endpoint = endpoint;
    const Status status = CheckAccept(route, accept);
    if (!status) {
      EXPECT_EQ(status.error().reason, Reason::kNotAcceptable);
    }
    return status.has_value();
  };
  EXPECT_TRUE(accepted(Endpoint::kClassify, ""));
  EXPECT_TRUE(accepted(Endpoint::kClassify, "*/*"));
  EXPECT_FALSE(accepted(Endpoint::kClassify, "text/csv"));
  EXPECT_TRUE(accepted(Endpoint::kInvocations, "text/csv"));
  EXPECT_FALSE(accepted(Endpoint::kInvocations, "application/x-npy"));
  EXPECT_TRUE(accepted(Endpoint::kPredict, "text/html"));
}

TEST(Probabilities, AreTheSoftmaxOfLogits) {
  const auto logits = Probabilities(Animals(OutputKind::kLogits), Scores({1000.0F, 1000.0F}));
  EXPECT_EQ(logits, (std::vector<float>{0.5F, 0.5F}));
  EXPECT_EQ(Probabilities(Animals(), Scores({0.1F, 0.9F})), (std::vector<float>{0.1F, 0.9F}));
  EXPECT_TRUE(Probabilities(Animals(OutputKind::kLogits), Scores({})).empty());
}

TEST(LabelOf, IsTheNumberOfAClassWithoutALabel) {
  EXPECT_EQ(LabelOf(Animals(), 2), "axolotl");
  EXPECT_EQ(LabelOf(Animals(), 3), "3");
}

TEST(RenderError, IsOneFlatObjectForEveryClient) {  // failures 4
  const HttpAnswer answer =
      RenderError(Reason::kOverloaded, "the queue is full", milliseconds(1400), "r-1");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(answer.body,
            R"({"error":"the queue is full","message":"the queue is full","code":503,)"
            R"("reason":"OVERLOADED","retryable":true,"retry_after_ms":1400,"request_id":"r-1"})"
            "\n");
  ASSERT_EQ(answer.headers.size(), 1U);
  EXPECT_EQ(answer.headers[0], (std::pair<std::string, std::string>{"Retry-After", "2"}));
}

TEST(RenderError, LeavesOutWhatThereIsNot) {
  const HttpAnswer answer = RenderError(Reason::kBadRequest, "no JSON", Duration{0}, "", 3);
  EXPECT_EQ(answer.body,
            R"({"error":"no JSON","message":"no JSON","code":400,"reason":"BAD_REQUEST",)"
            R"("retryable":false,"item":3})"
            "\n");
  EXPECT_TRUE(answer.headers.empty());
}

TEST(RenderError, NeverSaysNothingAndNeverSuccess) {
  EXPECT_NE(RenderError(Reason::kInternal, "", Duration{0}, "").body.find("no cause is known"),
            std::string::npos);
  for (const Reason reason : {Reason::kOk, Reason::kClientClosed, Reason::kUsage}) {
    EXPECT_EQ(RenderError(reason, "x", Duration{0}, "").status, 500);
  }
  EXPECT_NE(RenderError(Reason::kInternal, "a\xff\"\n", Duration{0}, "")
                .body.find("\"a\xef\xbf\xbd\\\"\\n\""),
            std::string::npos);
}

TEST(RenderError, RoundsTheHintUp) {
  const auto header = [](Duration hint) {
    return RenderError(Reason::kNoWorker, "x", hint, "").headers[0].second;
  };
  EXPECT_EQ(header(milliseconds(1)), "1");
  EXPECT_EQ(header(milliseconds(1000)), "1");
  EXPECT_EQ(header(milliseconds(1001)), "2");
}

TEST(RenderModelStatus, HasTensorFlowServingsShape) {  // tfs-rest 2, 8.4: version is a string
  EXPECT_EQ(RenderModelStatus({{{"m", 1}, ServableState::kAvailable, Reason::kOk, ""}}).body,
            R"({"model_version_status":[{"version":"1","state":"AVAILABLE",)"
            R"("status":{"error_code":"OK","error_message":""}}]})"
            "\n");
  EXPECT_EQ(RenderModelStatus({{{"m", 2}, ServableState::kLoading, Reason::kOk, ""},
                               {{"m", 1}, ServableState::kEnd, Reason::kBadModel, "bad \"hash\""}})
                .body,
            R"({"model_version_status":[{"version":"2","state":"LOADING",)"
            R"("status":{"error_code":"OK","error_message":""}},{"version":"1","state":"END",)"
            R"("status":{"error_code":"FAILED_PRECONDITION","error_message":"bad \"hash\""}}]})"
            "\n");
}

TEST(RenderModelMetadata, HasTensorFlowServingsShape) {  // tfs-rest 2, 8.4: dim.size is a string
  EXPECT_EQ(
      RenderModelMetadata(Animals()).body,
      R"({"model_spec":{"name":"animals","signature_name":"","version":"7"},"metadata":)"
      R"({"signature_def":{"signature_def":{"serving_default":{"inputs":{"x":{"dtype":"DT_FLOAT",)"
      R"("tensor_shape":{"dim":[{"size":"-1","name":""},{"size":"3","name":""},)"
      R"({"size":"224","name":""},{"size":"224","name":""}],"unknown_rank":false},"name":"x"}},)"
      R"("outputs":{"y":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[{"size":"-1","name":""},)"
      R"({"size":"3","name":""}],"unknown_rank":false},"name":"y"}},)"
      R"("method_name":"tensorflow/serving/predict"},"serving_bytes":{"inputs":{"image":)"
      R"({"dtype":"DT_STRING","tensor_shape":{"dim":[{"size":"-1","name":""}],)"
      R"("unknown_rank":false},"name":"image"}},"outputs":{"y":{"dtype":"DT_FLOAT",)"
      R"("tensor_shape":{"dim":[{"size":"-1","name":""},{"size":"3","name":""}],)"
      R"("unknown_rank":false},"name":"y"}},"method_name":"tensorflow/serving/predict"}}}}})"
      "\n");
}

TEST(RenderSageMakerModels, GivesAHundredAPageAndAllOfThemOnce) {
  std::map<std::string, std::string> urls;
  for (int i = 1000; i < 1201; ++i) urls["m" + std::to_string(i)] = "/opt/ml/models/x";
  const std::string first = RenderSageMakerModels(urls, "").body;
  EXPECT_TRUE(
      first.starts_with(R"({"models":[{"modelName":"m1000","modelUrl":"/opt/ml/models/x"},{)"));
  EXPECT_TRUE(first.ends_with(R"(],"nextPageToken":"m1099"})"
                              "\n"))
      << first.substr(first.size() - 60);
  const std::string second = RenderSageMakerModels(urls, "m1099").body;
  EXPECT_TRUE(second.starts_with(R"({"models":[{"modelName":"m1100")"));
  EXPECT_TRUE(second.ends_with(R"(],"nextPageToken":"m1199"})"
                               "\n"));
  EXPECT_EQ(RenderSageMakerModels(urls, "m1199").body,
            R"({"models":[{"modelName":"m1200","modelUrl":"/opt/ml/models/x"}]})"
            "\n");
  EXPECT_EQ(RenderSageMakerModels({}, "").body, "{\"models\":[]}\n");
}

}  // namespace
}  // namespace holdfast
