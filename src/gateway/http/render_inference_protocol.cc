// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/render_inference_protocol.h"

#include <string>

#include "base/build_id.h"
#include "gateway/call/class_text.h"
#include "gateway/call/inference_protocol.h"
#include "gateway/call/signatures.h"
#include "gateway/encoding/json_writer.h"

namespace holdfast {
namespace {

void AppendKey(std::string& json, std::string_view key) {
  if (json.back() != '{' && json.back() != '[') json += ',';
  AppendJsonString(json, key);
  json += ':';
}

void AppendText(std::string& json, std::string_view key, std::string_view text) {
  AppendKey(json, key);
  AppendJsonString(json, text);
}

void AppendNumber(std::string& json, std::string_view key, std::uint64_t number) {
  AppendKey(json, key);
  AppendJsonInteger(json, static_cast<std::int64_t>(number));
}

// A comma, unless it is the first of its list.
void AppendComma(std::string& json) {
  if (json.back() != '[') json += ',';
}

void AppendShape(std::string& json, std::string_view key, const Shape& shape) {
  AppendKey(json, key);
  json += '[';
  for (const std::int64_t dimension : shape) {
    AppendComma(json);
    AppendJsonInteger(json, dimension);
  }
  json += ']';
}

void AppendTensorMetadata(std::string& json, std::string_view name, DType dtype,
                          const Shape& shape) {
  AppendComma(json);
  json += '{';
  AppendText(json, "name", name);
  AppendText(json, "datatype", InferenceProtocolDTypeName(dtype));
  AppendShape(json, "shape", shape);
  json += '}';
}

void AppendTensorConfiguration(std::string& json, std::string_view name, std::string_view type,
                               const Shape& shape) {
  AppendComma(json);
  json += '{';
  AppendText(json, "name", name);
  AppendText(json, "data_type", type);
  AppendShape(json, "dims", shape);
  json += '}';
}

void AppendTotal(std::string& json, std::string_view key, const InferenceStatistics::Total& total) {
  AppendKey(json, key);
  json += '{';
  AppendNumber(json, "count", total.count);
  AppendNumber(json, "ns", static_cast<std::uint64_t>(total.time.count()));
  json += '}';
}

void AppendStatistics(std::string& json, const ModelKey& key, const InferenceStatistics& did) {
  AppendComma(json);
  json += '{';
  AppendText(json, "name", key.name);
  AppendText(json, "version", std::to_string(key.version));
  AppendNumber(json, "last_inference", did.last_inference_unix_ms);
  AppendNumber(json, "inference_count", did.infer.count);
  AppendNumber(json, "execution_count", did.infer.count);
  AppendKey(json, "inference_stats");
  json += '{';
  AppendTotal(json, "success", did.success);
  AppendTotal(json, "fail", did.fail);
  AppendTotal(json, "queue", did.queue);
  AppendTotal(json, "compute_input", did.preprocess);
  AppendTotal(json, "compute_infer", did.infer);
  AppendTotal(json, "compute_output", {});
  AppendTotal(json, "cache_hit", {});
  AppendTotal(json, "cache_miss", {});
  json += "},\"batch_stats\":[";
  if (did.infer.count > 0) {
    json += '{';
    AppendNumber(json, "batch_size", 1);
    AppendTotal(json, "compute_input", did.preprocess);
    AppendTotal(json, "compute_infer", did.infer);
    AppendTotal(json, "compute_output", {});
    json += '}';
  }
  json += "]}";
}

// {"model_name", "model_version", "id", "outputs": [{"name", "datatype", "shape", of the answer;
// the tensor's data is what is missing.
std::string Head(const ParsedCall& call, const ServableDescription& servable,
                 std::string_view datatype, const Shape& shape) {
  std::string json = "{";
  AppendText(json, "model_name", servable.key.name);
  AppendText(json, "model_version", std::to_string(servable.key.version));
  if (!call.reply.id.empty()) AppendText(json, "id", call.reply.id);
  json += ",\"outputs\":[{";
  AppendText(json, "name", servable.signature.output.name);
  AppendText(json, "datatype", datatype);
  AppendShape(json, "shape", shape);
  return json;
}

HttpAnswer WithBinary(std::string json, const std::string& tensor) {
  json += ",\"parameters\":{";
  AppendNumber(json, "binary_data_size", tensor.size());
  json += "}}]}";
  HttpAnswer answer;
  answer.content_type = "application/octet-stream";
  answer.headers.emplace_back("Inference-Header-Content-Length", std::to_string(json.size()));
  answer.body = std::move(json) + tensor;
  return answer;
}

}  // namespace

HttpAnswer RenderInferenceProtocol(const ParsedCall& call, const ServableDescription& servable,
                                   const std::vector<ItemOutcome>& outcomes) {
  const auto items = static_cast<std::int64_t>(outcomes.size());
  HttpAnswer answer;
  std::string& json = answer.body;
  if (call.reply.classes > 0) {
    const ClassTexts classes = ClassifyAll(servable, outcomes, call.reply.classes);
    json = Head(call, servable, InferenceProtocolDTypeName(DType::kString),
                {items, static_cast<std::int64_t>(classes.per_item)});
    if (call.reply.binary) {
      std::string tensor;
      AppendByteStrings(tensor, classes.texts);
      return WithBinary(std::move(json), tensor);
    }
    json += ",\"data\":[";
    for (const std::string& text : classes.texts) {
      AppendComma(json);
      AppendJsonString(json, text);
    }
    json += "]}]}\n";
    return answer;
  }
  json = Head(call, servable, InferenceProtocolDTypeName(DType::kFloat32),
              {items, static_cast<std::int64_t>(outcomes.front().scores.size())});
  if (call.reply.binary) {
    std::string tensor;
    AppendScores(tensor, outcomes);
    return WithBinary(std::move(json), tensor);
  }
  json += ",\"data\":[";
  for (const ItemOutcome& outcome : outcomes) {
    for (const float score : outcome.scores) {
      AppendComma(json);
      AppendJsonFloat(json, score);
    }
  }
  json += "]}]}\n";
  return answer;
}

HttpAnswer RenderServerMetadata() {
  HttpAnswer answer;
  answer.body = "{";
  AppendText(answer.body, "name", kServerName);
  AppendText(answer.body, "version", Version());
  AppendKey(answer.body, "extensions");
  answer.body += '[';
  for (const std::string_view extension : kExtensions) {
    AppendComma(answer.body);
    AppendJsonString(answer.body, extension);
  }
  answer.body += "]}\n";
  return answer;
}

HttpAnswer RenderTensorMetadata(const ServableDescription& servable,
                                const std::vector<std::int64_t>& versions) {
  HttpAnswer answer;
  std::string& json = answer.body;
  json = "{";
  AppendText(json, "name", servable.key.name);
  AppendKey(json, "versions");
  json += '[';
  for (const std::int64_t version : versions) {
    AppendComma(json);
    AppendJsonString(json, std::to_string(version));
  }
  json += ']';
  AppendText(json, "platform", PlatformName(servable.engine));
  AppendKey(json, "inputs");
  json += '[';
  const Signature& signature = servable.signature;
  AppendTensorMetadata(json, signature.input.name, signature.input.dtype,
                       BatchShape(signature.input));
  AppendTensorMetadata(json, kImageInput, DType::kString, {kAnyDim});
  json += ']';
  AppendKey(json, "outputs");
  json += '[';
  AppendTensorMetadata(json, signature.output.name, DType::kFloat32, BatchShape(signature.output));
  json += "]}\n";
  return answer;
}

HttpAnswer RenderModelReady(const ServableDescription& servable) {
  HttpAnswer answer;
  answer.body = "{";
  AppendText(answer.body, "name", servable.key.name);
  AppendKey(answer.body, "ready");
  answer.body += "true}\n";
  return answer;
}

HttpAnswer RenderModelConfiguration(const ServableDescription& servable, std::size_t workers) {
  HttpAnswer answer;
  std::string& json = answer.body;
  const Signature& signature = servable.signature;
  json = "{";
  AppendText(json, "name", servable.key.name);
  AppendText(json, "platform", PlatformName(servable.engine));
  AppendText(json, "backend", servable.engine.substr(0, servable.engine.find(' ')));
  AppendNumber(json, "max_batch_size", kItemsMax);
  AppendKey(json, "input");
  json += '[';
  AppendTensorConfiguration(
      json, signature.input.name,
      "TYPE_" + std::string(InferenceProtocolDTypeName(signature.input.dtype)),
      ItemShape(signature.input));
  AppendTensorConfiguration(json, kImageInput, "TYPE_STRING", {1});
  json += ']';
  AppendKey(json, "output");
  json += '[';
  AppendTensorConfiguration(json, signature.output.name, "TYPE_FP32", ItemShape(signature.output));
  json += ']';
  AppendKey(json, "instance_group");
  json += "[{";
  AppendText(json, "name", servable.key.name);
  AppendText(json, "kind", "KIND_CPU");
  AppendNumber(json, "count", workers);
  json += "}]}\n";
  return answer;
}

HttpAnswer RenderModelStatistics(
    const std::vector<std::pair<ModelKey, InferenceStatistics>>& servables) {
  HttpAnswer answer;
  answer.body = "{\"model_stats\":[";
  for (const auto& [key, statistics] : servables) AppendStatistics(answer.body, key, statistics);
  answer.body += "]}\n";
  return answer;
}

HttpAnswer RenderRepositoryIndex(const std::vector<ServableStatus>& versions) {
  HttpAnswer answer;
  std::string& json = answer.body;
  json = "[";
  for (const ServableStatus& version : versions) {
    AppendComma(json);
    json += '{';
    AppendText(json, "name", version.key.name);
    AppendText(json, "version", std::to_string(version.key.version));
    AppendText(json, "state", RepositoryState(version.state));
    AppendText(json, "reason", version.message);
    json += '}';
  }
  json += "]\n";
  return answer;
}

}  // namespace holdfast
