// SPDX-License-Identifier: Apache-2.0
#include "gateway/grpc/open_inference_messages.h"

#include <fmt/format.h>

#include <cstring>
#include <string>

#include "base/build_id.h"
#include "gateway/call/bad_request.h"
#include "gateway/call/class_text.h"
#include "gateway/call/inference_protocol.h"
#include "gateway/call/signatures.h"
#include "gateway/call/tensor_items.h"
#include "gateway/grpc/message_bytes.h"

namespace holdfast {
namespace {

constexpr std::int64_t kClassesMax = 1000;
constexpr std::size_t kDimensionsMax = 8;

using InputTensor = inference::ModelInferRequest::InferInputTensor;

Status ReadOutputs(const inference::ModelInferRequest& request, const ServableDescription& servable,
                   InferenceProtocolReply& reply) {
  for (const auto& output : request.outputs()) {
    if (output.name() != servable.signature.output.name) {
      return BadRequest(fmt::format("the model has no such output; its own is \"{}\"",
                                    servable.signature.output.name));
    }
    const auto classes = output.parameters().find("classification");
    if (classes == output.parameters().end()) continue;
    const std::int64_t count = classes->second.int64_param();
    if (count < 1 || count > kClassesMax) {
      return BadRequest(fmt::format("classification: expected 1 to {} classes", kClassesMax));
    }
    reply.classes = static_cast<std::uint32_t>(count);
  }
  return {};
}

Result<std::vector<InferenceItem>> FromFloats(const InputTensor& tensor, std::size_t count,
                                              const TensorSpec& input) {
  const auto& numbers = tensor.contents().fp32_contents();
  const ByteView bytes(reinterpret_cast<const std::uint8_t*>(numbers.data()),
                       static_cast<std::size_t>(numbers.size()) * sizeof(float));
  return SplitTensor(tensor.name(), bytes, DType::kFloat32, count, input);
}

// uint8 elements come as uint32s.
Result<std::vector<InferenceItem>> FromIntegers(const InputTensor& tensor, std::size_t count,
                                                const TensorSpec& input) {
  const auto& numbers = tensor.contents().uint_contents();
  const std::size_t item_numbers = ElementCount(ItemShape(input)).value_or(0);
  if (static_cast<std::size_t>(numbers.size()) != count * item_numbers) {
    return BadRequest(fmt::format("{} has {} values; its shape has {}", tensor.name(),
                                  numbers.size(), count * item_numbers));
  }
  std::vector<InferenceItem> items;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::uint8_t> bytes(item_numbers * sizeof(float));
    for (std::size_t j = 0; j < item_numbers; ++j) {
      const std::uint32_t number = numbers.Get(static_cast<int>(i * item_numbers + j));
      if (number > 255) return BadRequest(tensor.name() + " has a number too big for uint8");
      const auto widened = static_cast<float>(number);
      std::memcpy(bytes.data() + j * sizeof widened, &widened, sizeof widened);
    }
    items.push_back({ItemKind::kTensor, ItemBytes::Own(std::move(bytes))});
  }
  return items;
}

CallResult TensorItems(const inference::ModelInferRequest& request, const InputTensor& tensor,
                       const TensorSpec& input, std::size_t items_max) {
  const std::string_view expected = InferenceProtocolDTypeName(input.dtype);
  if (tensor.datatype() != expected) {
    return BadRequest(fmt::format("input \"{}\" has another datatype than the model's, which is {}",
                                  tensor.name(), expected));
  }
  const Shape shape(tensor.shape().begin(), tensor.shape().end());
  const std::size_t count = TRY(CountTensorItems(tensor.name(), shape, input, items_max));
  ParsedCall call;
  if (request.raw_input_contents_size() > 0) {
    call.items = TRY(SplitTensor(tensor.name(), BytesOf(request.raw_input_contents(0)), input.dtype,
                                 count, input));
  } else if (input.dtype == DType::kFloat32) {
    call.items = TRY(FromFloats(tensor, count, input));
  } else {
    call.items = TRY(FromIntegers(tensor, count, input));
  }
  return call;
}

CallResult ImageItems(const inference::ModelInferRequest& request, const InputTensor& tensor,
                      std::size_t items_max) {
  if (tensor.datatype() != "BYTES") {
    return BadRequest(
        fmt::format("input \"{}\": encoded images have the datatype BYTES", tensor.name()));
  }
  const Shape shape(tensor.shape().begin(), tensor.shape().end());
  const std::size_t count = TRY(CountImageItems(tensor.name(), shape, items_max));
  ParsedCall call;
  if (request.raw_input_contents_size() > 0) {
    call.items = TRY(SplitImages(tensor.name(), BytesOf(request.raw_input_contents(0)), count));
    return call;
  }
  const auto& strings = tensor.contents().bytes_contents();
  if (static_cast<std::size_t>(strings.size()) != count) {
    return BadRequest(
        fmt::format("{} has {} strings; its shape {}", tensor.name(), strings.size(), count));
  }
  for (std::size_t i = 0; i < count; ++i) {
    auto item = ImageItem(fmt::format("{}[{}]", tensor.name(), i),
                          ItemBytes::Borrow(BytesOf(strings.Get(static_cast<int>(i)))));
    if (!item) return CallError{std::move(item).error(), i, false};
    call.items.push_back(*std::move(item));
  }
  return call;
}

template <class Tensor>
void FillTensorMetadata(std::string_view name, DType dtype, const Shape& shape, Tensor& tensor) {
  tensor.set_name(std::string(name));
  tensor.set_datatype(std::string(InferenceProtocolDTypeName(dtype)));
  tensor.mutable_shape()->Add(shape.begin(), shape.end());
}

inference::DataType ConfigType(DType dtype) {
  if (dtype == DType::kString) return inference::TYPE_STRING;
  inference::DataType type = inference::TYPE_INVALID;
  const std::string name = "TYPE_" + std::string(InferenceProtocolDTypeName(dtype));
  return inference::DataType_Parse(name, &type) ? type : inference::TYPE_INVALID;
}

void FillTotal(const InferenceStatistics::Total& total, inference::StatisticDuration& duration) {
  duration.set_count(total.count);
  duration.set_ns(static_cast<std::uint64_t>(total.time.count()));
}

}  // namespace

CallResult ParseInfer(const inference::ModelInferRequest& request,
                      const ServableDescription& servable, std::size_t items_max) {
  const TensorSpec& input = servable.signature.input;
  if (request.inputs_size() != 1) {
    return BadRequest(fmt::format("one input is expected, {} came; {}", request.inputs_size(),
                                  InputNames(input)));
  }
  const InputTensor& tensor = request.inputs(0);
  if (static_cast<std::size_t>(tensor.shape_size()) > kDimensionsMax) {
    return BadRequest("the input's shape is too long");
  }
  const bool raw = request.raw_input_contents_size() > 0;
  if (raw && tensor.has_contents()) {
    return BadRequest("the input has typed contents and raw ones; send either");
  }
  if (request.raw_input_contents_size() > 1) {
    return BadRequest("more raw contents came than inputs");
  }
  InferenceProtocolReply reply;
  reply.id = request.id();
  TRY_DO(ReadOutputs(request, servable, reply));
  const bool called_image =
      tensor.name() == kImageInput && (tensor.datatype() == "BYTES" || tensor.name() != input.name);
  const bool image = called_image || (tensor.name() == input.name && input.dtype == DType::kString);
  if (!image && tensor.name() != input.name) {
    return BadRequest("there is no such input; " + InputNames(input));
  }
  CallResult call = image ? ImageItems(request, tensor, items_max)
                          : TensorItems(request, tensor, input, items_max);
  if (call) {
    call->form = AnswerForm::kInferenceProtocol;
    call->reply = std::move(reply);
  }
  return call;
}

void FillInfer(const ParsedCall& call, const ServableDescription& servable,
               const std::vector<ItemOutcome>& outcomes, inference::ModelInferResponse& response) {
  response.set_model_name(servable.key.name);
  response.set_model_version(std::to_string(servable.key.version));
  response.set_id(call.reply.id);
  auto& output = *response.add_outputs();
  std::string& raw = *response.add_raw_output_contents();
  const auto items = static_cast<std::int64_t>(outcomes.size());
  if (call.reply.classes > 0) {
    const ClassTexts classes = ClassifyAll(servable, outcomes, call.reply.classes);
    FillTensorMetadata(servable.signature.output.name, DType::kString,
                       {items, static_cast<std::int64_t>(classes.per_item)}, output);
    AppendByteStrings(raw, classes.texts);
    return;
  }
  FillTensorMetadata(servable.signature.output.name, DType::kFloat32,
                     {items, static_cast<std::int64_t>(outcomes.front().scores.size())}, output);
  AppendScores(raw, outcomes);
}

void FillServerMetadata(inference::ServerMetadataResponse& response) {
  response.set_name(std::string(kServerName));
  response.set_version(std::string(Version()));
  for (const std::string_view extension : kExtensions) {
    response.add_extensions(std::string(extension));
  }
}

void FillModelMetadata(const ServableDescription& servable,
                       const std::vector<std::int64_t>& versions,
                       inference::ModelMetadataResponse& response) {
  response.set_name(servable.key.name);
  for (const std::int64_t version : versions) response.add_versions(std::to_string(version));
  response.set_platform(PlatformName(servable.engine));
  const Signature& signature = servable.signature;
  FillTensorMetadata(signature.input.name, signature.input.dtype, BatchShape(signature.input),
                     *response.add_inputs());
  FillTensorMetadata(kImageInput, DType::kString, {kAnyDim}, *response.add_inputs());
  FillTensorMetadata(signature.output.name, DType::kFloat32, BatchShape(signature.output),
                     *response.add_outputs());
}

void FillModelConfig(const ServableDescription& servable, std::size_t workers,
                     inference::ModelConfigResponse& response) {
  inference::ModelConfig& config = *response.mutable_config();
  config.set_name(servable.key.name);
  config.set_platform(PlatformName(servable.engine));
  config.set_backend(servable.engine.substr(0, servable.engine.find(' ')));
  config.set_max_batch_size(static_cast<std::int32_t>(kItemsMax));
  const auto add_input = [&](std::string_view name, DType dtype, const Shape& dims) {
    auto& input = *config.add_input();
    input.set_name(std::string(name));
    input.set_data_type(ConfigType(dtype));
    input.mutable_dims()->Add(dims.begin(), dims.end());
  };
  const Signature& signature = servable.signature;
  add_input(signature.input.name, signature.input.dtype, ItemShape(signature.input));
  add_input(kImageInput, DType::kString, {1});
  auto& output = *config.add_output();
  output.set_name(signature.output.name);
  output.set_data_type(inference::TYPE_FP32);
  const Shape dims = ItemShape(signature.output);
  output.mutable_dims()->Add(dims.begin(), dims.end());
  auto& group = *config.add_instance_group();
  group.set_name(servable.key.name);
  group.set_kind(inference::ModelInstanceGroup::KIND_CPU);
  group.set_count(static_cast<std::int32_t>(workers));
}

void FillStatistics(const std::vector<std::pair<ModelKey, InferenceStatistics>>& servables,
                    inference::ModelStatisticsResponse& response) {
  for (const auto& [key, did] : servables) {
    auto& stats = *response.add_model_stats();
    stats.set_name(key.name);
    stats.set_version(std::to_string(key.version));
    stats.set_last_inference(did.last_inference_unix_ms);
    stats.set_inference_count(did.infer.count);
    stats.set_execution_count(did.infer.count);
    auto& totals = *stats.mutable_inference_stats();
    FillTotal(did.success, *totals.mutable_success());
    FillTotal(did.fail, *totals.mutable_fail());
    FillTotal(did.queue, *totals.mutable_queue());
    FillTotal(did.preprocess, *totals.mutable_compute_input());
    FillTotal(did.infer, *totals.mutable_compute_infer());
    if (did.infer.count == 0) continue;
    auto& batch = *stats.add_batch_stats();
    batch.set_batch_size(1);
    FillTotal(did.preprocess, *batch.mutable_compute_input());
    FillTotal(did.infer, *batch.mutable_compute_infer());
  }
}

void FillIndex(const std::vector<ServableStatus>& versions, bool ready_only,
               inference::RepositoryIndexResponse& response) {
  for (const ServableStatus& version : versions) {
    if (ready_only && version.state != ServableState::kAvailable) continue;
    auto& model = *response.add_models();
    model.set_name(version.key.name);
    model.set_version(std::to_string(version.key.version));
    model.set_state(std::string(RepositoryState(version.state)));
    model.set_reason(version.message);
  }
}

}  // namespace holdfast
