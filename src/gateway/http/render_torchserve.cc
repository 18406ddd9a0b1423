// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "gateway/encoding/json_writer.h"
#include "gateway/http/face.h"

namespace holdfast {

std::string_view TorchServeErrorType(const Route& route, Reason reason) {
  if (route.endpoint != Endpoint::kPredictions && route.endpoint != Endpoint::kDescribeModel) {
    return {};
  }
  switch (reason) {
    case Reason::kNotFound:
      return route.version ? "ModelVersionNotFoundException" : "ModelNotFoundException";
    case Reason::kMethodNotAllowed:
      return "MethodNotAllowedException";
    case Reason::kOverloaded:
    case Reason::kNoWorker:
    case Reason::kNotReady:
    case Reason::kDraining:
      return "ServiceUnavailableException";
    case Reason::kInternal:
    case Reason::kOutputInvalid:
    case Reason::kRequestCrashedWorker:
    case Reason::kRequestQuarantined:
    case Reason::kDeadlineExceeded:
      return "InternalServerException";
    default:
      return "BadRequestException";
  }
}

HttpAnswer RenderTorchServeModels(const std::vector<std::string>& names) {
  HttpAnswer answer;
  std::string& json = answer.body;
  json = "{\"models\":[";
  for (const std::string& name : names) {
    AppendJsonComma(json);
    json += '{';
    AppendJsonText(json, "modelName", name);
    AppendJsonText(json, "modelUrl", name);
    json += '}';
  }
  json += "]}\n";
  return answer;
}

HttpAnswer RenderTorchServeModel(const ServableDescription& servable, std::size_t workers) {
  HttpAnswer answer;
  std::string& json = answer.body;
  json = "[{";
  AppendJsonText(json, "modelName", servable.key.name);
  AppendJsonText(json, "modelVersion", std::to_string(servable.key.version));
  AppendJsonText(json, "modelUrl", servable.key.name);
  AppendJsonText(json, "runtime", servable.engine);
  AppendJsonCount(json, "minWorkers", workers);
  AppendJsonCount(json, "maxWorkers", workers);
  json += ",\"batchSize\":1,\"loadedAtStartup\":true,\"workers\":[]}]\n";
  return answer;
}

}  // namespace holdfast
