// SPDX-License-Identifier: Apache-2.0
#include "gateway/grpc/tensorflow_service.h"

#include "gateway/grpc/tensorflow_messages.h"
#include "ipc/model_folders_text.h"
#include "model/config_list/model_config_list.h"
#include "tensorflow_serving.grpc.pb.h"

namespace holdfast {
namespace {

namespace serving = tensorflow::serving;
using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

ModelChoice ChoiceFrom(const serving::ModelSpec& spec) {
  ModelChoice choice;
  if (!spec.name().empty()) choice.model = spec.name();
  if (spec.has_version()) choice.version = spec.version().value();
  if (!spec.version_label().empty()) choice.label = spec.version_label();
  return choice;
}

class PredictionService final : public serving::PredictionService::CallbackService {
 public:
  explicit PredictionService(GrpcGateway gateway) : gateway_(gateway) {}

  ServerUnaryReactor* Predict(CallbackServerContext* context,
                              const serving::PredictRequest* request,
                              serving::PredictResponse* response) override {
    ModelCall call;
    call.choice = ChoiceFrom(request->model_spec());
    call.bytes = request->ByteSizeLong();
    call.parse = [request](const ServableDescription& servable) {
      return ParsePredict(*request, servable, kItemsMax);
    };
    return InferOnLoop(gateway_, context, "/tensorflow.serving.PredictionService/Predict",
                       std::move(call), [request, response](const ModelCallAnswer& answer) {
                         FillPredict(*answer.servable, answer.outcomes,
                                     request->model_spec().signature_name(), *response);
                       });
  }

  ServerUnaryReactor* Classify(CallbackServerContext* context,
                               const serving::ClassificationRequest* request,
                               serving::ClassificationResponse* response) override {
    ModelCall call;
    call.choice = ChoiceFrom(request->model_spec());
    call.bytes = request->ByteSizeLong();
    call.parse = [request](const ServableDescription& servable) {
      return ParseClassify(*request, servable, kItemsMax);
    };
    return InferOnLoop(gateway_, context, "/tensorflow.serving.PredictionService/Classify",
                       std::move(call), [request, response](const ModelCallAnswer& answer) {
                         FillClassify(*answer.servable, answer.outcomes,
                                      request->model_spec().signature_name(), *response);
                       });
  }

  ServerUnaryReactor* Regress(CallbackServerContext* context, const serving::RegressionRequest*,
                              serving::RegressionResponse*) override {
    return AnswerOnLoop(gateway_, context, "/tensorflow.serving.PredictionService/Regress",
                        [](ServerState&) {
                          return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT,
                                              "a classifier has no regression signature");
                        });
  }

  ServerUnaryReactor* MultiInference(CallbackServerContext* context,
                                     const serving::MultiInferenceRequest*,
                                     serving::MultiInferenceResponse*) override {
    return AnswerOnLoop(gateway_, context, "/tensorflow.serving.PredictionService/MultiInference",
                        [](ServerState&) {
                          return grpc::Status(
                              grpc::StatusCode::UNIMPLEMENTED,
                              "MultiInference is not offered; a classifier has one signature");
                        });
  }

  ServerUnaryReactor* GetModelMetadata(CallbackServerContext* context,
                                       const serving::GetModelMetadataRequest* request,
                                       serving::GetModelMetadataResponse* response) override {
    return AnswerOnLoop(
        gateway_, context, "/tensorflow.serving.PredictionService/GetModelMetadata",
        [request, response](ServerState& state) -> grpc::Status {
          if (request->metadata_field().empty()) {
            return {grpc::StatusCode::INVALID_ARGUMENT, "metadata_field must name what is wanted"};
          }
          for (const std::string& field : request->metadata_field()) {
            if (field == "signature_def") continue;
            return {grpc::StatusCode::INVALID_ARGUMENT,
                    "metadata_field: signature_def is the only one there is"};
          }
          const auto id = state.servables.Resolve(ChoiceFrom(request->model_spec()));
          if (!id) return ToStatus(id.error());
          FillMetadata(state.servables.Get(*id), *response);
          return grpc::Status::OK;
        });
  }

 private:
  GrpcGateway gateway_;
};

class ModelService final : public serving::ModelService::CallbackService {
 public:
  explicit ModelService(GrpcGateway gateway) : gateway_(gateway) {}

  ServerUnaryReactor* GetModelStatus(CallbackServerContext* context,
                                     const serving::GetModelStatusRequest* request,
                                     serving::GetModelStatusResponse* response) override {
    return AnswerOnLoop(gateway_, context, "/tensorflow.serving.ModelService/GetModelStatus",
                        [request, response](ServerState& state) {
                          return Answer(state, request->model_spec(), *response);
                        });
  }

  ServerUnaryReactor* HandleReloadConfigRequest(CallbackServerContext* context,
                                                const serving::ReloadConfigRequest* request,
                                                serving::ReloadConfigResponse*) override {
    constexpr std::string_view kMethod =
        "/tensorflow.serving.ModelService/HandleReloadConfigRequest";
    auto models = ServedModelsFrom(request->config());
    if (!models) {
      const grpc::Status status(grpc::StatusCode::INVALID_ARGUMENT, models.error().message);
      return AnswerOnLoop(gateway_, context, kMethod, [status](ServerState&) { return status; });
    }
    return OrderOnLoop(gateway_, context, kMethod, ModelOrder::kConfigure,
                       EncodeModelFolders({.repository = {}, .models = *std::move(models)}));
  }

 private:
  static grpc::Status Answer(ServerState& state, const serving::ModelSpec& spec,
                             serving::GetModelStatusResponse& response) {
    const ModelChoice choice = ChoiceFrom(spec);
    if (!choice.model) return {grpc::StatusCode::INVALID_ARGUMENT, "model_spec has no name"};
    const auto statuses = state.servables.StatusOf(choice);
    if (!statuses) return ToStatus(statuses.error());
    FillStatus(*statuses, response);
    return grpc::Status::OK;
  }

  GrpcGateway gateway_;
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> MakeTensorFlowServices(GrpcGateway gateway) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(std::make_unique<PredictionService>(gateway));
  services.push_back(std::make_unique<ModelService>(gateway));
  return services;
}

}  // namespace holdfast
