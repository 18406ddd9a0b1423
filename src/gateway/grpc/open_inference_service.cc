// SPDX-License-Identifier: Apache-2.0
#include "gateway/grpc/open_inference_service.h"

#include "gateway/grpc/inference_stream.h"
#include "gateway/grpc/open_inference_messages.h"
#include "inference.grpc.pb.h"

namespace holdfast {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

template <class Request>
Result<ModelChoice> ChoiceFrom(const Request& request) {
  ModelChoice choice;
  if (!request.name().empty()) choice.model = request.name();
  choice.version = TRY(VersionFrom(request.version()));
  return choice;
}

class OpenInferenceService final : public inference::GRPCInferenceService::CallbackService {
 public:
  explicit OpenInferenceService(GrpcGateway gateway) : gateway_(gateway) {}

  ServerUnaryReactor* ServerLive(CallbackServerContext* context,
                                 const inference::ServerLiveRequest*,
                                 inference::ServerLiveResponse* response) override {
    return AnswerOnLoop(
        gateway_, context, "/inference.GRPCInferenceService/ServerLive",
        [response](ServerState&) {
          response->set_live(true);
          return grpc::Status::OK;
        },
        CallAccess::kOpen);
  }

  ServerUnaryReactor* ServerReady(CallbackServerContext* context,
                                  const inference::ServerReadyRequest*,
                                  inference::ServerReadyResponse* response) override {
    return AnswerOnLoop(
        gateway_, context, "/inference.GRPCInferenceService/ServerReady",
        [response](ServerState& state) {
          response->set_ready(state.ready());
          return grpc::Status::OK;
        },
        CallAccess::kOpen);
  }

  ServerUnaryReactor* ModelReady(CallbackServerContext* context,
                                 const inference::ModelReadyRequest* request,
                                 inference::ModelReadyResponse* response) override {
    return AnswerOnLoop(
        gateway_, context, "/inference.GRPCInferenceService/ModelReady",
        [request, response](ServerState& state) -> grpc::Status {
          const auto choice = ChoiceFrom(*request);
          if (!choice) return ToStatus(choice.error());
          const auto id = state.servables.Resolve(*choice);
          const bool loading = !id && id.error().reason == Reason::kNotReady;
          if (!id && !loading) return ToStatus(id.error());
          response->set_ready(id && !state.draining && state.inference.ready_workers(*id) > 0);
          return grpc::Status::OK;
        });
  }

  ServerUnaryReactor* ServerMetadata(CallbackServerContext* context,
                                     const inference::ServerMetadataRequest*,
                                     inference::ServerMetadataResponse* response) override {
    return AnswerOnLoop(gateway_, context, "/inference.GRPCInferenceService/ServerMetadata",
                        [response](ServerState&) {
                          FillServerMetadata(*response);
                          return grpc::Status::OK;
                        });
  }

  ServerUnaryReactor* ModelMetadata(CallbackServerContext* context,
                                    const inference::ModelMetadataRequest* request,
                                    inference::ModelMetadataResponse* response) override {
    return Describe(context, "/inference.GRPCInferenceService/ModelMetadata", *request,
                    [response](ServerState& state, ServableId id) {
                      const ServableDescription& servable = state.servables.Get(id);
                      FillModelMetadata(servable, state.servables.VersionsOf(servable.key.name),
                                        *response);
                    });
  }

  ServerUnaryReactor* ModelConfig(CallbackServerContext* context,
                                  const inference::ModelConfigRequest* request,
                                  inference::ModelConfigResponse* response) override {
    return Describe(context, "/inference.GRPCInferenceService/ModelConfig", *request,
                    [response](ServerState& state, ServableId id) {
                      FillModelConfig(state.servables.Get(id), state.inference.ready_workers(id),
                                      *response);
                    });
  }

  ServerUnaryReactor* ModelStatistics(CallbackServerContext* context,
                                      const inference::ModelStatisticsRequest* request,
                                      inference::ModelStatisticsResponse* response) override {
    return AnswerOnLoop(gateway_, context, "/inference.GRPCInferenceService/ModelStatistics",
                        [request, response](ServerState& state) -> grpc::Status {
                          const auto choice = ChoiceFrom(*request);
                          if (!choice) return ToStatus(choice.error());
                          const auto statistics = state.inference.Statistics(*choice);
                          if (!statistics) return ToStatus(statistics.error());
                          FillStatistics(*statistics, *response);
                          return grpc::Status::OK;
                        });
  }

  ServerUnaryReactor* RepositoryIndex(CallbackServerContext* context,
                                      const inference::RepositoryIndexRequest* request,
                                      inference::RepositoryIndexResponse* response) override {
    return AnswerOnLoop(gateway_, context, "/inference.GRPCInferenceService/RepositoryIndex",
                        [request, response](ServerState& state) {
                          FillIndex(state.servables.Statuses(), request->ready(), *response);
                          return grpc::Status::OK;
                        });
  }

  ServerUnaryReactor* RepositoryModelLoad(CallbackServerContext* context,
                                          const inference::RepositoryModelLoadRequest* request,
                                          inference::RepositoryModelLoadResponse*) override {
    return OrderOnLoop(gateway_, context, "/inference.GRPCInferenceService/RepositoryModelLoad",
                       ModelOrder::kLoad, request->model_name());
  }

  ServerUnaryReactor* RepositoryModelUnload(CallbackServerContext* context,
                                            const inference::RepositoryModelUnloadRequest* request,
                                            inference::RepositoryModelUnloadResponse*) override {
    return OrderOnLoop(gateway_, context, "/inference.GRPCInferenceService/RepositoryModelUnload",
                       ModelOrder::kUnload, request->model_name());
  }

  ServerUnaryReactor* ModelInfer(CallbackServerContext* context,
                                 const inference::ModelInferRequest* request,
                                 inference::ModelInferResponse* response) override {
    constexpr std::string_view kMethod = "/inference.GRPCInferenceService/ModelInfer";
    auto call = CallFrom(*request);
    if (!call) {
      return AnswerOnLoop(gateway_, context, kMethod,
                          [status = ToStatus(call.error())](ServerState&) { return status; });
    }
    return InferOnLoop(gateway_, context, kMethod, *std::move(call),
                       [response](const ModelCallAnswer& answer) {
                         FillInfer(answer.call, *answer.servable, answer.outcomes, *response);
                       });
  }

  grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>*
  ModelStreamInfer(CallbackServerContext* context) override {
    return StartInferenceStream(gateway_, *context);
  }

 private:
  // Answers with what `fill` says of the version that the request names.
  template <class Request, class Fill>
  ServerUnaryReactor* Describe(CallbackServerContext* context, std::string_view method,
                               const Request& request, Fill fill) {
    return AnswerOnLoop(gateway_, context, method,
                        [&request, fill](ServerState& state) -> grpc::Status {
                          const auto choice = ChoiceFrom(request);
                          if (!choice) return ToStatus(choice.error());
                          const auto id = state.servables.Resolve(*choice);
                          if (!id) return ToStatus(id.error());
                          fill(state, *id);
                          return grpc::Status::OK;
                        });
  }

  GrpcGateway gateway_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeOpenInferenceService(GrpcGateway gateway) {
  return std::make_unique<OpenInferenceService>(gateway);
}

}  // namespace holdfast
