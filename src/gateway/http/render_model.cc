// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>

#include "gateway/call/signatures.h"
#include "gateway/encoding/json_writer.h"
#include "gateway/http/face.h"

namespace holdfast {
namespace {

std::string_view StateName(ServableState state) {
  switch (state) {
    case ServableState::kLoading:
      return "LOADING";
    case ServableState::kAvailable:
      return "AVAILABLE";
    case ServableState::kUnloading:
      return "UNLOADING";
    case ServableState::kEnd:
      return "END";
  }
  return "UNKNOWN";
}

std::string_view GrpcCodeName(int code) {
  constexpr std::array<std::string_view, 17> kNames{"OK",
                                                    "CANCELLED",
                                                    "UNKNOWN",
                                                    "INVALID_ARGUMENT",
                                                    "DEADLINE_EXCEEDED",
                                                    "NOT_FOUND",
                                                    "ALREADY_EXISTS",
                                                    "PERMISSION_DENIED",
                                                    "RESOURCE_EXHAUSTED",
                                                    "FAILED_PRECONDITION",
                                                    "ABORTED",
                                                    "OUT_OF_RANGE",
                                                    "UNIMPLEMENTED",
                                                    "INTERNAL",
                                                    "UNAVAILABLE",
                                                    "DATA_LOSS",
                                                    "UNAUTHENTICATED"};
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "UNKNOWN";
}

// "name": {"dtype": …, "tensor_shape": …, "name": …}; a batch may have any size.
void AppendTensor(std::string& body, const TensorSpec& spec) {
  AppendJsonString(body, spec.name);
  body += ":{\"dtype\":\"";
  body += TensorFlowDTypeName(spec.dtype);
  body += "\",\"tensor_shape\":{\"dim\":[";
  for (std::size_t i = 0; i < spec.shape.size(); ++i) {
    body += i > 0 ? ",{\"size\":\"" : "{\"size\":\"";
    AppendJsonInteger(body, i == 0 ? kAnyDim : spec.shape[i]);
    body += "\",\"name\":\"\"}";
  }
  body += "],\"unknown_rank\":false},\"name\":";
  AppendJsonString(body, spec.name);
  body += '}';
}

void AppendSignature(std::string& body, std::string_view name, const TensorSpec& input,
                     const TensorSpec& output) {
  AppendJsonString(body, name);
  body += ":{\"inputs\":{";
  AppendTensor(body, input);
  body += "},\"outputs\":{";
  AppendTensor(body, output);
  body += "},\"method_name\":\"tensorflow/serving/predict\"}";
}

}  // namespace

HttpAnswer RenderModelStatus(const std::vector<ServableStatus>& versions) {
  HttpAnswer answer;
  answer.body = "{\"model_version_status\":[";
  for (const ServableStatus& version : versions) {
    answer.body += &version == &versions.front() ? "{\"version\":\"" : ",{\"version\":\"";
    AppendJsonInteger(answer.body, version.key.version);
    answer.body += "\",\"state\":\"";
    answer.body += StateName(version.state);
    answer.body += "\",\"status\":{\"error_code\":\"";
    answer.body += GrpcCodeName(Describe(version.reason).grpc);
    answer.body += "\",\"error_message\":";
    AppendJsonString(answer.body, version.message);
    answer.body += "}}";
  }
  answer.body += "]}\n";
  return answer;
}

HttpAnswer RenderModelMetadata(const ServableDescription& servable) {
  const TensorSpec image{std::string(kImageInput), DType::kString, {kAnyDim}};
  HttpAnswer answer;
  std::string& body = answer.body;
  body = "{\"model_spec\":{\"name\":";
  AppendJsonString(body, servable.key.name);
  body += ",\"signature_name\":\"\",\"version\":\"";
  AppendJsonInteger(body, servable.key.version);
  body += "\"},\"metadata\":{\"signature_def\":{\"signature_def\":{";
  AppendSignature(body, kServingDefault, servable.signature.input, servable.signature.output);
  body += ',';
  AppendSignature(body, kServingBytes, image, servable.signature.output);
  body += "}}}}\n";
  return answer;
}

}  // namespace holdfast
