// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/render_inference_protocol.h"

#include <fmt/format.h>

#include <string>

#include "base/build_id.h"
#include "gateway/call/class_text.h"
#include "gateway/call/inference_protocol.h"
#include "gateway/call/signatures.h"
#include "gateway/encoding/json_writer.h"

namespace holdfast {
namespace {

void AppendShape(std::string& json, std::string_view key, const Shape& shape) {
  AppendJsonKey(json, key);
  json += '[';
  for (const std::int64_t dimension : shape) {
    AppendJsonComma(json);
    AppendJsonInteger(json, dimension);
  }
  json += ']';
}

void AppendTensorMetadata(std::string& json, std::string_view name, DType dtype,
                          const Shape& shape) {
  AppendJsonComma(json);
  json += '{';
  AppendJsonText(json, "name", name);
  AppendJsonText(json, "datatype", InferenceProtocolDTypeName(dtype));
  AppendShape(json, "shape", shape);
  json += '}';
}

void AppendTensorConfiguration(std::string& json, std::string_view name, std::string_view type,
                               const Shape& shape) {
  AppendJsonComma(json);
  json += '{';
  AppendJsonText(json, "name", name);
  AppendJsonText(json, "data_type", type);
  AppendShape(json, "dims", shape);
  json += '}';
}

void AppendTotal(std::string& json, std::string_view key, const InferenceStatistics::Total& total) {
  AppendJsonKey(json, key);
  json += '{';
  AppendJsonCount(json, "count", total.count);
  AppendJsonCount(json, "ns", static_cast<std::uint64_t>(total.time.count()));
  json += '}';
}

void AppendStatistics(std::string& json, const ModelKey& key, const InferenceStatistics& did) {
  AppendJsonComma(json);
  json += '{';
  AppendJsonText(json, "name", key.name);
  AppendJsonText(json, "version", std::to_string(key.version));
  AppendJsonCount(json, "last_inference", did.last_inference_unix_ms);
  AppendJsonCount(json, "inference_count", did.infer.count);
  AppendJsonCount(json, "execution_count", did.infer.count);
  AppendJsonKey(json, "inference_stats");
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
    AppendJsonCount(json, "batch_size", 1);
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
  AppendJsonText(json, "model_name", servable.key.name);
  AppendJsonText(json, "model_version", std::to_string(servable.key.version));
  if (!call.reply.id.empty()) AppendJsonText(json, "id", call.reply.id);
  json += ",\"outputs\":[{";
  AppendJsonText(json, "name", servable.signature.output.name);
  AppendJsonText(json, "datatype", datatype);
  AppendShape(json, "shape", shape);
  return json;
}

HttpAnswer WithBinary(std::string json, const std::string& tensor) {
  json += ",\"parameters\":{";
  AppendJsonCount(json, "binary_data_size", tensor.size());
  json += "}}]}";
  HttpAnswer answer;
  answer.content_type = "application/octet-stream";
  answer.headers.emplace_back("Inference-Header-Content-Length", std::to_string(json.size()));
  answer.body = std::move(json) + tensor;
  return answer;
}

std::string RolloutWords(const RolloutRule& rule) {
  return fmt::format("{} {} %", RolloutKindWord(rule.kind), rule.percent);
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
      AppendJsonComma(json);
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
      AppendJsonComma(json);
      AppendJsonFloat(json, score);
    }
  }
  json += "]}]}\n";
  return answer;
}

HttpAnswer RenderServerMetadata() {
  HttpAnswer answer;
  answer.body = "{";
  AppendJsonText(answer.body, "name", kServerName);
  AppendJsonText(answer.body, "version", Version());
  AppendJsonKey(answer.body, "extensions");
  answer.body += '[';
  for (const std::string_view extension : kExtensions) {
    AppendJsonComma(answer.body);
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
  AppendJsonText(json, "name", servable.key.name);
  AppendJsonKey(json, "versions");
  json += '[';
  for (const std::int64_t version : versions) {
    AppendJsonComma(json);
    AppendJsonString(json, std::to_string(version));
  }
  json += ']';
  AppendJsonText(json, "platform", PlatformName(servable.engine));
  AppendJsonKey(json, "inputs");
  json += '[';
  const Signature& signature = servable.signature;
  AppendTensorMetadata(json, signature.input.name, signature.input.dtype,
                       BatchShape(signature.input));
  AppendTensorMetadata(json, kImageInput, DType::kString, {kAnyDim});
  json += ']';
  AppendJsonKey(json, "outputs");
  json += '[';
  AppendTensorMetadata(json, signature.output.name, DType::kFloat32, BatchShape(signature.output));
  json += "]}\n";
  return answer;
}

HttpAnswer RenderModelReady(const ServableDescription& servable) {
  HttpAnswer answer;
  answer.body = "{";
  AppendJsonText(answer.body, "name", servable.key.name);
  AppendJsonKey(answer.body, "ready");
  answer.body += "true}\n";
  return answer;
}

HttpAnswer RenderModelConfiguration(const ServableDescription& servable, std::size_t workers) {
  HttpAnswer answer;
  std::string& json = answer.body;
  const Signature& signature = servable.signature;
  json = "{";
  AppendJsonText(json, "name", servable.key.name);
  AppendJsonText(json, "platform", PlatformName(servable.engine));
  AppendJsonText(json, "backend", servable.engine.substr(0, servable.engine.find(' ')));
  AppendJsonCount(json, "max_batch_size", kItemsMax);
  AppendJsonKey(json, "input");
  json += '[';
  AppendTensorConfiguration(
      json, signature.input.name,
      "TYPE_" + std::string(InferenceProtocolDTypeName(signature.input.dtype)),
      ItemShape(signature.input));
  AppendTensorConfiguration(json, kImageInput, "TYPE_STRING", {1});
  json += ']';
  AppendJsonKey(json, "output");
  json += '[';
  AppendTensorConfiguration(json, signature.output.name, "TYPE_FP32", ItemShape(signature.output));
  json += ']';
  AppendJsonKey(json, "instance_group");
  json += "[{";
  AppendJsonText(json, "name", servable.key.name);
  AppendJsonText(json, "kind", "KIND_CPU");
  AppendJsonCount(json, "count", workers);
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

HttpAnswer RenderRepositoryIndex(const std::vector<IndexedVersion>& versions) {
  HttpAnswer answer;
  std::string& json = answer.body;
  json = "[";
  for (const auto& [status, labels, rollout] : versions) {
    AppendJsonComma(json);
    json += '{';
    AppendJsonText(json, "name", status.key.name);
    AppendJsonText(json, "version", std::to_string(status.key.version));
    AppendJsonText(json, "state", RepositoryState(status.state));
    AppendJsonText(json, "reason", status.message);
    AppendJsonKey(json, "labels");
    json += '[';
    for (const std::string& label : labels) {
      AppendJsonComma(json);
      AppendJsonString(json, label);
    }
    json += ']';
    if (rollout.has_value()) AppendJsonText(json, "rollout", RolloutWords(*rollout));
    json += '}';
  }
  json += "]\n";
  return answer;
}

}  // namespace holdfast
