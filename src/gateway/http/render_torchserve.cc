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
  answer.body = "{\"models\":[";
  for (const std::string& name : names) {
    answer.body += &name == &names.front() ? "{\"modelName\":" : ",{\"modelName\":";
    AppendJsonString(answer.body, name);
    answer.body += ",\"modelUrl\":";
    AppendJsonString(answer.body, name);
    answer.body += '}';
  }
  answer.body += "]}\n";
  return answer;
}

HttpAnswer RenderTorchServeModel(const ServableDescription& servable, std::size_t workers) {
  HttpAnswer answer;
  std::string& json = answer.body;
  json = "[{\"modelName\":";
  AppendJsonString(json, servable.key.name);
  json += ",\"modelVersion\":\"";
  AppendJsonInteger(json, servable.key.version);
  json += "\",\"modelUrl\":";
  AppendJsonString(json, servable.key.name);
  json += ",\"runtime\":";
  AppendJsonString(json, servable.engine);
  json += ",\"minWorkers\":";
  AppendJsonInteger(json, static_cast<std::int64_t>(workers));
  json += ",\"maxWorkers\":";
  AppendJsonInteger(json, static_cast<std::int64_t>(workers));
  json += ",\"batchSize\":1,\"loadedAtStartup\":true,\"workers\":[]}]\n";
  return answer;
}

}  // namespace holdfast
