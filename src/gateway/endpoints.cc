// SPDX-License-Identifier: Apache-2.0
#include "gateway/endpoints.h"

namespace holdfast {
namespace {

HttpAnswer AnswerReady(ServerState& state, std::string_view request_id) {
  if (state.ready()) return {.body = "{\"status\":\"Healthy\"}\n"};
  if (state.draining) {
    return RenderError(Reason::kDraining, "the server is shutting down", std::chrono::seconds(1),
                       request_id);
  }
  const bool loading = !state.servables.complete();
  const Reason reason = loading ? Reason::kNotReady : Reason::kNoWorker;
  return RenderError(reason, loading ? "models are loading" : "no worker can classify",
                     state.inference.RetryHint(reason, Duration::zero()), request_id);
}

HttpAnswer AnswerModel(ServerState& state, const Route& route, std::string_view request_id) {
  const Result<ServableId> id = state.servables.Resolve(route.model, route.version);
  if (!id) {
    return RenderError(id.error().reason, id.error().message,
                       state.inference.RetryHint(id.error().reason, Duration::zero()), request_id);
  }
  if (route.endpoint == Endpoint::kModelMetadata) {
    return RenderModelMetadata(state.servables.Get(*id));
  }
  return RenderModelStatus(
      state.servables.StatusOf(state.servables.Get(*id).key.name, route.version));
}

}  // namespace

std::string_view EndpointName(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kRoot:
      return "/";
    case Endpoint::kClassify:
      return "/classify";
    case Endpoint::kPredict:
      return "/v1:predict";
    case Endpoint::kTensorFlowClassify:
      return "/v1:classify";
    case Endpoint::kRegress:
      return "/v1:regress";
    case Endpoint::kModelStatus:
      return "/v1/models";
    case Endpoint::kModelMetadata:
      return "/v1/models/metadata";
    case Endpoint::kInvocations:
      return "/invocations";
    case Endpoint::kPing:
      return "/ping";
    case Endpoint::kReady:
      return "/healthz";
    case Endpoint::kLive:
      return "/livez";
    case Endpoint::kMetrics:
      return "/metrics";
  }
  return "unknown";
}

HttpAnswer AnswerAtOnce(ServerState& state, const Route& route, std::string_view request_id) {
  switch (route.endpoint) {
    case Endpoint::kRoot:
      return {
          .content_type = "text/plain",
          .body = "holdfast: POST an image to /classify; /healthz, /metrics, /v1/models/NAME\n"};
    case Endpoint::kPing:
    case Endpoint::kReady:
      return AnswerReady(state, request_id);
    case Endpoint::kLive:
      return {.body = "{\"status\":\"Alive\"}\n"};
    case Endpoint::kMetrics: {
      Metrics::Levels levels = state.inference.levels();
      levels.connections = state.connections;
      levels.ready = state.ready();
      return {.content_type = "text/plain; version=0.0.4", .body = state.metrics.Render(levels)};
    }
    case Endpoint::kModelStatus:
    case Endpoint::kModelMetadata:
      return AnswerModel(state, route, request_id);
    default:
      return RenderError(Reason::kInternal, "no answer for this endpoint", Duration::zero(),
                         request_id);
  }
}

}  // namespace holdfast
